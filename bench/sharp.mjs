// Encodes one image with sharp: node sharp.mjs SOURCE OUTPUT QUALITY EFFORT. Everything else is sharp's default.
import sharp from 'sharp';

const [source, output, quality, effort] = process.argv.slice(2);
await sharp(source).avif({ quality: Number(quality), effort: Number(effort) }).toFile(output);
