//! `avif picture`: prints the HTML element that shows the variants of a manifest. [`element`] chooses the images,
//! [`html`] writes the element.

mod base_url;
mod element;
mod html;
mod manifest_file;
mod placeholder;
#[cfg(test)]
mod samples;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use model::{InvalidSizes, Size};
use thiserror::Error;

use base_url::{BaseUrl, InvalidKey};
use element::PictureOptions;
use html::Loading;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
The browser requests one file: the first format that it supports, at the width that --sizes and its screen need. JPEG is the \
fallback. Without JPEG variants, the fallback is WebP, then the source if all browsers show its format, then AVIF. The source \
also takes the place of a fallback variant that is not stored because it is larger than the source.

The placeholder is a blurred image and a color, as an inline style. Images with transparent pixels have none.

The element has the width and height of the largest variant. In most pages it needs this rule, to become narrower than that:

  img { max-width: 100%; height: auto; }

Example:
  aws s3 cp s3://BUCKET/photo.jpg.avif.json - | avif picture - --base-url https://cdn.example/ --alt \"A red bicycle\" \
--sizes \"(min-width: 60rem) 50vw, 100vw\"")]
pub(crate) struct Arguments {
    /// Manifest that the function wrote (KEY.avif.json), or - for standard input
    manifest: PathBuf,
    /// URL before the keys of the variants: http(s)://…, or a relative path [default: the keys are relative URLs]
    #[arg(short, long, value_name = "URL")]
    base_url: Option<BaseUrl>,
    /// URL before the key of the source, if the source is a fallback [default: --base-url; if the source is in another
    /// bucket than the variants, it is not used]
    #[arg(long, value_name = "URL")]
    source_base_url: Option<BaseUrl>,
    /// Width of the image on the page, as in the attribute `sizes`. The default is the width of the viewport
    #[arg(short, long, default_value = "100vw", value_parser = sizes)]
    sizes: String,
    /// The crops to show instead of the whole image, such as 256x256,512x512, in one or more sizes with the same proportions
    #[arg(short, long, value_name = "BOX", value_delimiter = ',', value_parser = crop)]
    crop: Vec<Size>,
    /// Text for people who do not see the image. Leave it empty for an image without information
    #[arg(short, long, default_value = "", value_name = "TEXT")]
    alt: String,
    /// For the main image at the top of the page: the browser requests it immediately and with priority, not lazily
    #[arg(long)]
    eager: bool,
    /// Omit the placeholder, for example because the Content-Security-Policy of the page forbids inline styles
    #[arg(long)]
    no_placeholder: bool,
}

/// The manifest cannot be shown.
#[derive(Debug, Error, PartialEq, Eq)]
enum InvalidManifest {
    #[error(
        "the manifest lists no variants, because each would be larger than the source; show the source, or convert it \
         again with AVIF_KEEP_LARGER=true"
    )]
    NoVariants,
    #[error("the manifest lists no whole image, only crops; choose some of {0} with --crop")]
    OnlyCrops(String),
    #[error("the manifest does not list the crop {missing}; it lists {listed}")]
    NoCrop { missing: Size, listed: String },
    #[error("the crops have different proportions: {0}; choose crops with the same proportions")]
    DifferentCrops(String),
    #[error("the width or height of the variant {0:?} is 0; convert the source again")]
    NoPixels(String),
    #[error("placeholder.color is {0:?}, expected # and six hexadecimal digits; use --no-placeholder")]
    Color(String),
    #[error("placeholder.thumbhash is {0:?}, expected a ThumbHash in Base64; use --no-placeholder")]
    ThumbHash(String),
    #[error(transparent)]
    Key(#[from] InvalidKey),
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let Arguments { manifest: path, base_url, source_base_url, sizes, crop: crops, alt, eager, no_placeholder } =
        arguments;
    let options = PictureOptions {
        base_url: base_url.unwrap_or_default(),
        source_base_url,
        crops,
        sizes,
        alt,
        loading: if eager { Loading::Eager } else { Loading::Lazy },
        has_placeholder: !no_placeholder,
    };
    let name = path.display().to_string();
    let manifest = manifest_file::read(&path).with_context(|| name.clone())?;
    let picture = element::picture_element(&manifest, &options).with_context(|| name.clone())?;
    for note in element::notes(&picture) {
        eprintln!("avif: {name}: {note}");
    }
    std::io::stdout().write_all(picture.to_html().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Parses a box, with or without `:cover`.
fn crop(text: &str) -> Result<Size, InvalidSizes> {
    let size: Size = text.parse()?;
    match size {
        Size::Inside(bounds) => Ok(Size::Cover(bounds)),
        Size::Cover(_) => Ok(size),
        Size::Full | Size::Width(_) => Err(InvalidSizes::Entry(text.to_owned())),
    }
}

fn sizes(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("the value is empty; the default is 100vw") } else { Ok(text.to_owned()) }
}
