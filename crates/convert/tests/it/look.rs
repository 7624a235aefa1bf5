//! What somebody else's decoder sees.

use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;

use convert::{Conversion, Error, convert};
use image::{DynamicImage, ImageDecoder, ImageReader};
use model::{Limits, Recipe};

/// An AVIF as `avifdec` decodes it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) image: DynamicImage,
    pub(crate) icc: Option<Vec<u8>>,
}

/// Good quality, quickly: what is tested is that nothing is turned or recolored.
pub(crate) fn recipe() -> Recipe {
    Recipe { quality: "90".parse().unwrap(), speed: "9".parse().unwrap(), ..Recipe::default() }
}

pub(crate) fn run(bytes: &[u8], recipe: &Recipe) -> Result<Conversion, Error> {
    convert(bytes, recipe, &Limits::default(), NonZeroUsize::MIN)
}

/// The one variant of a file.
pub(crate) fn avif(bytes: &[u8], recipe: &Recipe) -> Vec<u8> {
    run(bytes, recipe).unwrap().variants[0].bytes.to_vec()
}

/// Converts a file at the recipe above and looks at the result.
pub(crate) fn converted(bytes: &[u8]) -> Seen {
    look(&avif(bytes, &recipe()))
}

/// Decodes an AVIF with `avifdec`, by way of a PNG.
pub(crate) fn look(avif: &[u8]) -> Seen {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("a.avif"), folder.path().join("a.png"));
    std::fs::write(&from, avif).unwrap();
    let run = Command::new("avifdec").arg(&from).arg(&to).output();
    let run = run.expect("avifdec is missing; `make tools` installs it");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    let mut decoder = ImageReader::open(to).unwrap().into_decoder().unwrap();
    let icc = decoder.icc_profile().unwrap();
    Seen { image: DynamicImage::from_decoder(decoder).unwrap(), icc }
}

/// What `avifdec --info` says of an AVIF.
pub(crate) fn info(avif: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("a.avif");
    std::fs::write(&from, avif).unwrap();
    let run = Command::new("avifdec").arg("--info").arg(&from).output();
    let run = run.expect("avifdec is missing; `make tools` installs it");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
    String::from_utf8_lossy(&run.stdout).into_owned()
}

/// Encodes a picture with `avifenc`, by way of a PNG.
pub(crate) fn avifenc(image: &DynamicImage, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    image.save(folder.path().join("a.png")).unwrap();
    avifenc_in(folder.path(), &[arguments, &["a.png"]].concat())
}

/// Runs `avifenc` on files in a folder, quickly and at good quality.
pub(crate) fn avifenc_in(folder: &Path, arguments: &[&str]) -> Vec<u8> {
    let mut command = Command::new("avifenc");
    command.current_dir(folder).args(["--speed", "10", "--min", "5", "--max", "5"]).args(arguments);
    let run = command.args(["-o", "a.avif"]).output().expect("avifenc is missing; `make tools` installs it");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    std::fs::read(folder.join("a.avif")).unwrap()
}

/// The mean difference of two pictures' channels, in 8-bit levels. Coding at this quality costs about 1; a wrong turn,
/// swap or profile costs 20 and more.
pub(crate) fn distance(a: &DynamicImage, b: &DynamicImage) -> f64 {
    let (a, b) = (a.to_rgb16(), b.to_rgb16());
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.as_raw().iter().zip(b.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    #[expect(clippy::cast_precision_loss, reason = "sums of test pictures are far below 2^52")]
    let mean = sum as f64 / a.as_raw().len() as f64;
    mean / 257.0
}

/// What coding may cost.
pub(crate) const CODING: f64 = 3.0;
