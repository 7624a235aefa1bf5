//! Runs the converter and libavif's command-line tools `avifdec` and `avifenc`. These tools are independent of our
//! decoder and encoder.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use convert::{Conversion, Error, convert};
use image::{DynamicImage, ImageDecoder, ImageReader, RgbaImage};
use model::{DamagedMode, Limits, Recipe};

/// An AVIF decoded by `avifdec`.
#[derive(Debug)]
pub(crate) struct DecodedAvif {
    pub(crate) image: DynamicImage,
    pub(crate) icc: Option<Vec<u8>>,
}

/// Returns a recipe with good quality and high speed. The tests detect wrong geometry and wrong colors, so they accept
/// small coding errors.
pub(crate) fn recipe() -> Recipe {
    Recipe { quality: "90".parse().unwrap(), speed: "9".parse().unwrap(), ..Recipe::default() }
}

pub(crate) fn convert_file(bytes: &[u8], recipe: &Recipe) -> Result<Conversion, Error> {
    convert(bytes, recipe, &Limits::default(), NonZeroUsize::MIN)
}

/// Converts a file and returns its first variant.
pub(crate) fn convert_to_avif(bytes: &[u8], recipe: &Recipe) -> Vec<u8> {
    convert_file(bytes, recipe).unwrap().variants[0].bytes.to_vec()
}

/// Converts a file with [`recipe`] and decodes the result with `avifdec`.
pub(crate) fn convert_and_decode(bytes: &[u8]) -> DecodedAvif {
    avifdec(&convert_to_avif(bytes, &recipe()))
}

/// Converts a file without loss and decodes the result with `avifdec`. Returns the exact pixels and the notes, except for
/// the note about the lossless quality.
pub(crate) fn convert_exactly(bytes: &[u8], damaged: DamagedMode) -> Result<(RgbaImage, Vec<String>), Error> {
    let recipe = Recipe { quality: "100".parse().unwrap(), damaged, ..recipe() };
    let mut conversion = convert_file(bytes, &recipe)?;
    conversion.notes.retain(|note| !note.contains("lossless"));
    Ok((avifdec(&conversion.variants[0].bytes).image.to_rgba8(), conversion.notes))
}

/// Returns the exact pixels of a file whose conversion has no note.
pub(crate) fn exact_pixels(bytes: &[u8]) -> Vec<[u8; 4]> {
    let (image, notes) = convert_exactly(bytes, DamagedMode::Reject).unwrap();
    assert_eq!(notes, [""; 0]);
    image.pixels().map(|pixel| pixel.0).collect()
}

/// Decodes an AVIF to a PNG with `avifdec`, and then decodes the PNG.
pub(crate) fn avifdec(avif: &[u8]) -> DecodedAvif {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.avif"), folder.path().join("a.png"));
    std::fs::write(&from, avif).unwrap();
    let output = Command::new("avifdec").arg(&from).arg(&to).output();
    let output = output.expect("avifdec is missing; `make tools` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let mut decoder = ImageReader::open(to).unwrap().into_decoder().unwrap();
    let icc = decoder.icc_profile().unwrap();
    DecodedAvif { image: DynamicImage::from_decoder(decoder).unwrap(), icc }
}

/// Returns the output of `avifdec --info`.
pub(crate) fn avifdec_info(avif: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("a.avif");
    std::fs::write(&from, avif).unwrap();
    let output = Command::new("avifdec").arg("--info").arg(&from).output();
    let output = output.expect("avifdec is missing; `make tools` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Saves an image as a PNG and encodes the PNG with `avifenc`.
pub(crate) fn avifenc(image: &DynamicImage, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    image.save(folder.path().join("a.png")).unwrap();
    avifenc_in(folder.path(), &[arguments, &["a.png"]].concat())
}

/// Runs `avifenc` in a folder that contains the input files, with good quality and high speed.
pub(crate) fn avifenc_in(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("avifenc");
    command.current_dir(folder).args(["--speed", "10", "--min", "5", "--max", "5"]).args(arguments);
    let output = command.args(["-o", "a.avif"]).output().expect("avifenc is missing; `make tools` installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(folder.join("a.avif")).unwrap()
}

/// Returns the mean difference between the channel levels of two images, in 8-bit levels. Encoding at the quality of
/// [`recipe`] causes a difference of about 1. A wrong rotation, swapped channels or a wrong profile cause a difference
/// of 20 or more.
pub(crate) fn distance(a: &DynamicImage, b: &DynamicImage) -> f64 {
    let (a, b) = (a.to_rgb16(), b.to_rgb16());
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    #[expect(clippy::cast_precision_loss, reason = "sums of test images are far below 2^52")]
    let mean = sum as f64 / a.as_raw().len() as f64;
    mean / 257.0
}

/// The maximum [`distance`] that encoding may cause.
pub(crate) const MAX_CODING_DISTANCE: f64 = 3.0;
