// Uploads as people take them in Node: @uploadx/core on its disk storage. Arguments: port, folder.
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const [port, folder] = process.argv.slice(2);
const { Uploadx, DiskStorage } = createRequire(`${process.cwd()}/package.json`)('@uploadx/core');
const storage = new DiskStorage({ uploadDir: folder, path: '/files', maxUploadSize: '100GB', allowMIME: ['*/*'] });
const uploads = new Uploadx({ storage });

createServer((request, response) => uploads.handle(request, response)).listen(Number(port), '127.0.0.1');
