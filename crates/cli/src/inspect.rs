//! `avif inspect`: shows the properties of a file. It reads the header of the file, or decodes the file if it is an
//! AVIF.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use convert::Channels;
use model::{Chroma, Cicp, Limits};
use serde::Serialize;

use crate::inputs;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Image files: JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC
    #[arg(required = true)]
    file: Vec<PathBuf>,
    /// Print one JSON object per line for each file
    #[arg(long)]
    json: bool,
}

/// The properties of a file.
#[derive(Debug, Serialize)]
struct Properties {
    format: String,
    bytes: u64,
    width: u32,
    height: u32,
    depth: u32,
    chroma: &'static str,
    alpha: bool,
    /// Color primaries, transfer characteristics, matrix coefficients (ITU-T H.273) and range.
    cicp: Option<String>,
    icc_bytes: Option<usize>,
    orientation: String,
    exif_bytes: Option<usize>,
    xmp_bytes: Option<usize>,
    /// Number of frames; more than 1 for an animation.
    frames: u32,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for path in &arguments.file {
        match properties(path) {
            Ok(properties) => {
                let text = if arguments.json { line(path, &properties)? } else { text(path, &properties) };
                if std::io::stdout().write_all(text.as_bytes()).is_err() {
                    return Ok(code);
                }
            }
            Err(error) => {
                eprintln!("avif: {}: {error:#}", path.display());
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn properties(path: &Path) -> anyhow::Result<Properties> {
    let bytes = inputs::read(path, Limits::default().bytes)?;
    let is_avif = bytes.get(4..8) == Some(b"ftyp") && bytes.get(8..11) == Some(b"avi");
    if is_avif { avif_properties(&bytes) } else { source_properties(&bytes) }
}

fn avif_properties(bytes: &[u8]) -> anyhow::Result<Properties> {
    let max_pixels = u32::try_from(Limits::default().pixels).unwrap_or(u32::MAX);
    let avif::DecodedFile { image, attachments, orientation, frames, .. } = avif::decode(bytes, max_pixels)?;
    let (shape, color) = (image.shape(), image.color());
    let turned = format!("irot {}, imir {:?}", orientation.quarter_turns, orientation.mirror_axis);
    Ok(Properties {
        format: "AVIF".into(),
        bytes: bytes.len() as u64,
        width: shape.width,
        height: shape.height,
        depth: shape.depth.bits(),
        chroma: match shape.chroma {
            Chroma::Yuv444 => "4:4:4",
            Chroma::Yuv422 => "4:2:2",
            Chroma::Yuv420 => "4:2:0",
            Chroma::Monochrome => "4:0:0",
        },
        alpha: image.alpha().is_some(),
        cicp: Some(cicp(color.cicp)),
        icc_bytes: color.icc.as_ref().map(Vec::len),
        orientation: if orientation.is_upright() { "upright".into() } else { turned },
        exif_bytes: attachments.exif.as_ref().map(Vec::len),
        xmp_bytes: attachments.xmp.as_ref().map(Vec::len),
        frames,
    })
}

fn cicp(Cicp { primaries, transfer, matrix, full_range }: Cicp) -> String {
    format!("{primaries}/{transfer}/{matrix} {}", if full_range { "full" } else { "limited" })
}

fn source_properties(bytes: &[u8]) -> anyhow::Result<Properties> {
    let described = convert::describe(bytes, &Limits::default())?;
    Ok(Properties {
        format: described.format.to_string(),
        bytes: bytes.len() as u64,
        width: described.width,
        height: described.height,
        depth: described.depth,
        chroma: match described.channels {
            Channels::Gray => "gray",
            Channels::Rgb => "RGB",
            Channels::Cmyk => "CMYK",
        },
        alpha: described.has_alpha,
        cicp: described.cicp.map(cicp),
        icc_bytes: described.icc.as_ref().map(Vec::len),
        orientation: format!("Exif {}", described.orientation),
        exif_bytes: described.exif.as_ref().map(Vec::len),
        xmp_bytes: described.xmp.as_ref().map(Vec::len),
        frames: described.frames,
    })
}

fn line(path: &Path, properties: &Properties) -> anyhow::Result<String> {
    let mut line = serde_json::to_value(properties)?;
    line["file"] = path.display().to_string().into();
    Ok(format!("{line}\n"))
}

fn text(path: &Path, properties: &Properties) -> String {
    let Properties { format, bytes, width, height, depth, chroma, alpha, orientation, frames, .. } = properties;
    let size_of = |size: Option<usize>| size.map_or("none".to_owned(), |size| format!("{size} bytes"));
    let alpha = if *alpha { "with alpha" } else { "no alpha" };
    let cicp = properties.cicp.as_ref().map(|cicp| format!("CICP {cicp}, ")).unwrap_or_default();
    let (icc, exif, xmp) =
        (size_of(properties.icc_bytes), size_of(properties.exif_bytes), size_of(properties.xmp_bytes));
    format!(
        "{}\n  {format}, {bytes} bytes, {frames} frame(s)\n  {width}x{height}, {depth} bit, {chroma}, {alpha}, {orientation}\n  {cicp}ICC {icc}, Exif {exif}, XMP {xmp}\n",
        path.display()
    )
}
