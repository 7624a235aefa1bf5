// sharp on one picture: node sharp.mjs SOURCE OUTPUT QUALITY EFFORT. All else is as sharp has it by default.
import sharp from 'sharp';

const [source, output, quality, effort] = process.argv.slice(2);
await sharp(source).avif({ quality: Number(quality), effort: Number(effort) }).toFile(output);
