"""Languages as published names have them: two letters of ISO 639-1, else three of ISO 639-2, else `und`."""

import re
from typing import Final

UNKNOWN: Final = "und"

# ISO 639-1, then what ISO 639-2 has for it: where those are two, the bibliographic code stands last.
_CODES: Final = """
aa aar, ab abk, ae ave, af afr, ak aka, am amh, an arg, ar ara, as asm, av ava, ay aym, az aze, ba bak, be bel, bg bul,
bi bis, bm bam, bn ben, bo bod tib, br bre, bs bos, ca cat, ce che, ch cha, co cos, cr cre, cs ces cze, cu chu, cv chv,
cy cym wel, da dan, de deu ger, dv div, dz dzo, ee ewe, el ell gre, en eng, eo epo, es spa, et est, eu eus baq,
fa fas per, ff ful, fi fin, fj fij, fo fao, fr fra fre, fy fry, ga gle, gd gla, gl glg, gn grn, gu guj, gv glv, ha hau,
he heb, hi hin, ho hmo, hr hrv scr, ht hat, hu hun, hy hye arm, hz her, ia ina, id ind, ie ile, ig ibo, ii iii, ik ipk,
io ido, is isl ice, it ita, iu iku, ja jpn, jv jav, ka kat geo, kg kon, ki kik, kj kua, kk kaz, kl kal, km khm, kn kan,
ko kor, kr kau, ks kas, ku kur, kv kom, kw cor, ky kir, la lat, lb ltz, lg lug, li lim, ln lin, lo lao, lt lit, lu lub,
lv lav, mg mlg, mh mah, mi mri mao, mk mkd mac, ml mal, mn mon, mr mar, ms msa may, mt mlt, my mya bur, na nau, nb nob,
nd nde, ne nep, ng ndo, nl nld dut, nn nno, no nor, nr nbl, nv nav, ny nya, oc oci, oj oji, om orm, or ori, os oss,
pa pan, pi pli, pl pol, ps pus, pt por, qu que, rm roh, rn run, ro ron rum mol, ru rus, rw kin, sa san, sc srd, sd snd,
se sme, sg sag, si sin, sk slk slo, sl slv, sm smo, sn sna, so som, sq sqi alb, sr srp scc, ss ssw, st sot, su sun,
sv swe, sw swa, ta tam, te tel, tg tgk, th tha, ti tir, tk tuk, tl tgl, tn tsn, to ton, tr tur, ts tso, tt tat, tw twi,
ty tah, ug uig, uk ukr, ur urd, uz uzb, ve ven, vi vie, vo vol, wa wln, wo wol, xh xho, yi yid, yo yor, za zha,
zh zho chi cmn, zu zul
"""
# What people write in names of files, and codes that have been withdrawn.
_NAMES: Final = """
ar arabic, bg bulgarian, cs czech, da danish, de german deutsch, el greek, en english, es spanish espanol castellano,
fi finnish, fr french francais, he hebrew iw, hi hindi, hr croatian, hu hungarian, id indonesian in,
it italian italiano, ja japanese, ko korean, nl dutch, no norwegian, pl polish, pt portuguese pob, ro romanian,
ru russian, sk slovak, sr serbian, sv swedish, th thai, tr turkish, uk ukrainian, vi vietnamese, yi ji, zh chinese
"""
_KNOWN: Final = {word: group.split()[0] for group in f"{_CODES},{_NAMES}".split(",") for word in group.split()}
# Codes of ISO 639-2 that say that there is no one language.
_NONE: Final = frozenset({"und", "mis", "mul", "zxx"})


def of_tag(tag: str | None) -> str:
    """The language that a container's tag means, such as `ger`, `de-AT` or `fil`.

    >>> of_tag("ger"), of_tag("pt-BR"), of_tag("fil"), of_tag("mul"), of_tag("../x"), of_tag(None)
    ('de', 'pt', 'fil', 'und', 'und', 'und')
    """
    primary = re.split("[-_]", (tag or "").lower(), maxsplit=1)[0]
    if primary in _KNOWN:
        return _KNOWN[primary]
    return primary if re.fullmatch("[a-z]{3}", primary, re.ASCII) and primary not in _NONE else UNKNOWN


def of_word(word: str) -> str | None:
    """The language that a word in a file's name means; None when it is none that is known.

    >>> of_word("English"), of_word("zh-Hans"), of_word("ger"), of_word("cut"), of_word("x-men")
    ('en', 'zh', 'de', None, None)
    """
    primary, _, region = word.lower().replace("_", "-").partition("-")
    return _KNOWN.get(primary) if re.fullmatch("(?:[a-z]{4}|[a-z]{2}|[0-9]{3})?", region, re.ASCII) else None
