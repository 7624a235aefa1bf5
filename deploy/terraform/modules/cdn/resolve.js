// A CloudFront Function that turns a request into the key of a variant, so that CloudFront caches by the path alone. The Lambda
// function does the same for requests without a CDN: crates/function/tests/serve-vectors.json tests both.
//
// Terraform and CloudFormation replace "SETTINGS" by the settings, and remove the lines with comments. The runtime,
// cloudfront-js-2.0, lacks parts of the language: destructuring, spread syntax, classes and optional chaining.

const settings = "SETTINGS";

// Always in this order: the first format that a browser accepts is the smallest.
const formats = [
  { name: "avif", type: "image/avif", suffix: ".avif" },
  { name: "webp", type: "image/webp", suffix: ".avif.webp" },
  { name: "jpeg", type: "image/jpeg", suffix: ".avif.jpg" },
];

function handler(event) {
  const request = event.request;
  if (request.method !== "GET" && request.method !== "HEAD") {
    return respond(405, "Use GET or HEAD.", { allow: { value: "GET, HEAD" } });
  }
  const key = decodePath(request.uri);
  if (key === null) {
    return respond(400, "The path is not a valid key.");
  }
  const names = Object.keys(request.querystring);
  const output = parseOutput(key);
  if (output !== null) {
    const known = recipeOf(output.source);
    if (known === null || !hasVariant(known, output) || isTooLong(key)) {
      return respond(404, "No such image.");
    }
    if (names.length > 0) {
      return respond(400, "The key of a variant has no query.");
    }
    request.uri = encodePath(key);
    return request;
  }

  const recipe = recipeOf(key);
  if (recipe === null) {
    return respond(404, "No such image.");
  }
  const size = names.length < 2 ? chooseSize(recipe.sizes, request.querystring, names[0]) : null;
  if (size === null) {
    return respond(400, "Use ?width=PIXELS, from 1 to 32768, or ?size=SIZE. Sizes: " + recipe.sizes.join(", ") + ".");
  }
  const format = chooseFormat(recipe.formats, request.headers.accept);
  const variant = settings.output_prefix + key + sizeSuffix(size) + (format || formats[0]).suffix;
  if (isTooLong(variant)) {
    return respond(404, "No such image.");
  }
  if (format === null) {
    // The function redirects to the source, or answers 406. Its response is never cached.
    request.uri = encodePath(key);
    return request;
  }
  request.uri = encodePath(variant);
  request.querystring = {};
  return request;
}

function respond(status, text, headers) {
  const all = headers || {};
  all["content-type"] = { value: "text/plain; charset=utf-8" };
  all["cache-control"] = { value: "no-store" };
  all["x-content-type-options"] = { value: "nosniff" };
  return { statusCode: status, headers: all, body: { encoding: "text", data: text + "\n" } };
}

// The key, or null if the path is not percent-encoded UTF-8, or has a control character or the segment "." or "..".
function decodePath(uri) {
  const key = decode(uri.slice(1));
  return key === null || /[\u0000-\u001f\u007f-\u009f]|(^|\/)\.\.?(\/|$)/.test(key) ? null : key;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch (_) {
    return null;
  }
}

// S3 reads "+" in a path as a space, and signatures encode all but the unreserved characters.
function encodePath(key) {
  const encoded = encodeURIComponent(key).replace(/%2F/g, "/");
  return "/" + encoded.replace(/[!'()*]/g, (character) => "%" + character.charCodeAt(0).toString(16).toUpperCase());
}

// S3 allows 1,024 bytes. A byte that is not ASCII has three characters in the path.
function isTooLong(key) {
  return encodePath(key).slice(1).replace(/%../g, "_").length > 1024;
}

// The source, size and format in the key of a variant; null for any other key.
function parseOutput(key) {
  const suffix = /(\.w[1-9]\d*|\.[sc][1-9]\d*x[1-9]\d*)?(\.avif|\.avif\.webp|\.avif\.jpg)$/.exec(key);
  if (suffix === null || !key.startsWith(settings.output_prefix)) {
    return null;
  }
  return { source: key.slice(settings.output_prefix.length, suffix.index), size: suffix[1] || "", format: suffix[2] };
}

// The sizes and formats of a source; null if it is not served.
function recipeOf(key) {
  const isOther = key === "" || key.endsWith("/") || /\.avif(\.json|\.webp|\.jpg)?$/i.test(key);
  const isReserved = /\.(w[1-9]\d*|[sc][1-9]\d*x[1-9]\d*)$/.test(key);
  const isServed = settings.prefixes.some((prefix) => prefix === "*" || key.startsWith(prefix));
  if (isOther || isReserved || !isServed) {
    return null;
  }
  const rule = settings.rules.find((one) => key.startsWith(one.prefix || "") && lower(key).endsWith(lower(one.suffix || ""))) || {};
  return rule.skip ? null : { sizes: list(rule.sizes || settings.sizes), formats: list(rule.formats || settings.formats) };
}

// CloudFormation inserts lists as in the settings of the function: "full,640".
function list(value) {
  return Array.isArray(value) ? value : value.split(",").map((item) => item.trim());
}

// Only ASCII letters, as in the rules of the function.
function lower(text) {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

function hasVariant(recipe, output) {
  return (
    recipe.sizes.some((size) => sizeSuffix(size) === output.size) &&
    formats.some((format) => format.suffix === output.format && recipe.formats.includes(format.name))
  );
}

function sizeSuffix(size) {
  if (size === "full") {
    return "";
  }
  if (size.endsWith(":cover")) {
    return ".c" + size.slice(0, -6);
  }
  return (size.includes("x") ? ".s" : ".w") + size;
}

// The size that a query requests; null if the query is invalid, or if no size fits it. `name` is the only parameter, if there is one.
function chooseSize(sizes, query, name) {
  if (name === undefined) {
    return nextWidth(sizes, Infinity);
  }
  const value = query[name].multiValue ? null : decode(query[name].value);
  if (name === "width") {
    return /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 32768 ? nextWidth(sizes, Number(value)) : null;
  }
  return name === "size" && sizes.includes(value) ? value : null;
}

// The smallest width that is large enough; otherwise `full` or the largest width.
function nextWidth(sizes, least) {
  const widths = sizes.filter((size) => /^\d+$/.test(size)).sort((one, other) => one - other);
  const wide = widths.find((width) => Number(width) >= least);
  if (wide !== undefined) {
    return wide;
  }
  return sizes.includes("full") ? "full" : widths.length > 0 ? widths[widths.length - 1] : null;
}

// The first of the configured formats that the Accept header allows; null if it allows none.
function chooseFormat(configured, accept) {
  const text = accept === undefined ? "" : (accept.multiValue || [accept]).map((one) => one.value).join(",");
  const weights = text.trim() === "" ? { "*/*": 1 } : parseAccept(text);
  return formats.find((format) => configured.includes(format.name) && weightOf(format, weights) > 0) || null;
}

// AVIF and WebP must be named: browsers that do not know them also send image/* or */*.
function weightOf(format, weights) {
  const ranges = format.name === "jpeg" ? [format.type, "image/*", "*/*"] : [format.type];
  const range = ranges.find((one) => weights[one] !== undefined);
  return range === undefined ? 0 : weights[range];
}

// The highest weight of each media range. An entry with an invalid weight does not count.
function parseAccept(text) {
  const weights = {};
  text.toLowerCase().split(",").forEach((entry) => {
    const parts = entry.split(";").map((part) => part.trim().replace(/ *= */, "="));
    const weight = parts.slice(1).find((part) => part.startsWith("q=")) || "q=1";
    if (/^q=(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight)) {
      weights[parts[0]] = Math.max(weights[parts[0]] || 0, Number(weight.slice(2)));
    }
  });
  return weights;
}
