//! Reads the PNG chunks that the decoder does not read: metadata, and color descriptions other than the ICC profile.

use std::borrow::Cow;

use model::Cicp;
use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve, XyY};

/// Finds the `iTXt` chunk with the XMP packet, before or after the pixels.
pub(crate) fn find_xmp(bytes: &[u8]) -> Option<&[u8]> {
    let mut texts = chunks(bytes).filter(|chunk| chunk.name == b"iTXt");
    let xmp = texts.find(|chunk| chunk.data.starts_with(b"XML:com.adobe.xmp\0") && chunk.is_intact());
    xmp.map(|chunk| chunk.data)
}

/// Finds the `eXIf` chunk, before or after the pixels (PNG specification, third edition, 11.3.4.7). A decoder that has
/// read only the header has not read a chunk after the pixels.
pub(crate) fn find_exif(bytes: &[u8]) -> Option<&[u8]> {
    find_chunk(bytes, *b"eXIf")
}

/// Reads the `cICP` chunk, which takes precedence over all other color chunks (PNG specification, third edition,
/// 11.3.2.6). Images in Display P3 and HDR images have this chunk.
pub(crate) fn read_cicp(bytes: &[u8]) -> Option<Cicp> {
    match *find_chunk(bytes, *b"cICP")? {
        // The matrix of a PNG is the identity, because its pixels are RGB. The result has the matrix with which the
        // pixels are converted to planes.
        [primaries, transfer, 0, 1] => Some(Cicp::with_default_matrix(primaries.into(), transfer.into())),
        _ => None,
    }
}

/// Whether the file has an ICC profile, readable or not.
pub(crate) fn has_profile(bytes: &[u8]) -> bool {
    chunks(bytes).any(|chunk| chunk.name == b"iCCP")
}

/// Returns code points equivalent to the `gAMA` and `cHRM` chunks, if these declare linear light. Such an image needs
/// no profile, and its pixels stay unchanged. The two chunks apply only if the file has no `iCCP` chunk.
pub(crate) fn linear_cicp(bytes: &[u8], is_gray: bool) -> Option<Cicp> {
    const LINEAR: u16 = 8;
    let (exponent, chromaticities) = read_gamma(bytes, is_gray)?;
    let is_linear = (0.99..=1.01).contains(&exponent) && chromaticities.is_none();
    is_linear.then_some(Cicp { transfer: LINEAR, ..Cicp::SRGB })
}

/// Builds an ICC profile equivalent to the `gAMA` and `cHRM` chunks, if these declare neither sRGB nor [linear
/// light](linear_cicp). The two chunks apply only if the file has no `iCCP` chunk.
pub(crate) fn gamma_profile(bytes: &[u8], is_gray: bool) -> Option<Vec<u8>> {
    let (exponent, chromaticities) = read_gamma(bytes, is_gray)?;
    let is_srgb = (2.15..=2.25).contains(&exponent);
    if (is_srgb && chromaticities.is_none()) || linear_cicp(bytes, is_gray).is_some() {
        return None;
    }
    if is_gray {
        return ColorProfile::new_gray_with_gamma(to_f32(exponent)).encode().ok();
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some([white, red, green, blue]) = chromaticities {
        let [red, green, blue] = [red, green, blue].map(|[x, y]| Chromaticity { x: to_f32(x), y: to_f32(y) });
        profile.update_rgb_colorimetry(XyY::new(white[0], white[1], 1.0), ColorPrimaries { red, green, blue });
    }
    // If the exponent is the exponent of sRGB, only the chromaticities differ from sRGB, and the profile keeps the
    // exact sRGB curve.
    if !is_srgb {
        let curve = Some(ToneReprCurve::Parametric(vec![to_f32(exponent)]));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
    }
    // The profile no longer describes sRGB, so the code points of sRGB are removed.
    profile.cicp = None;
    profile.description = None;
    profile.encode().ok()
}

/// Reads the exponent that converts levels to light. If the image has color and its chromaticities differ from the
/// chromaticities of sRGB, also reads the chromaticities (PNG specification, third edition, 11.3.2.1 and 11.3.2.2).
/// Returns `None` if the file declares no exponent, or if an `sRGB` chunk overrides both.
fn read_gamma(bytes: &[u8], is_gray: bool) -> Option<(f64, Option<Chromaticities>)> {
    if find_chunk(bytes, *b"sRGB").is_some() {
        return None;
    }
    let gamma = u32::from_be_bytes(find_chunk(bytes, *b"gAMA")?.try_into().ok()?);
    let exponent = 100_000.0 / f64::from(gamma);
    // An exponent outside this range is treated as an error in the file, and the chunk is ignored.
    if !(0.1..=10.0).contains(&exponent) {
        return None;
    }
    let points = find_chunk(bytes, *b"cHRM").filter(|_| !is_gray).and_then(chromaticities);
    Some((exponent, points.filter(|points| !is_srgb_chromaticities(points))))
}

/// The x and y coordinates of white, red, green and blue.
type Chromaticities = [[f64; 2]; 4];

/// The chromaticities of sRGB, which are those of BT.709.
const SRGB_CHROMATICITIES: Chromaticities = [[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];

fn chromaticities(data: &[u8]) -> Option<Chromaticities> {
    let (numbers, []) = data.as_chunks::<4>() else { return None };
    let values: Vec<f64> = numbers.iter().map(|&number| f64::from(u32::from_be_bytes(number)) / 100_000.0).collect();
    let (points, []) = values.as_chunks::<2>() else { return None };
    let points: Chromaticities = points.try_into().ok()?;
    // A point with y = 0 is not a color and would cause a division by zero.
    points.iter().all(|[x, y]| (0.001..1.0).contains(y) && *x < 1.0).then_some(points)
}

fn is_srgb_chromaticities(values: &Chromaticities) -> bool {
    values.as_flattened().iter().zip(SRGB_CHROMATICITIES.as_flattened()).all(|(a, b)| (a - b).abs() < 0.005)
}

#[expect(clippy::cast_possible_truncation, reason = "six digits are all that the file holds")]
fn to_f32(number: f64) -> f32 {
    number as f32
}

/// Returns the data of the first chunk with this name whose checksum is correct. Decoders ignore ancillary chunks with a
/// wrong checksum.
fn find_chunk(bytes: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    chunks(bytes).find(|chunk| *chunk.name == name && chunk.is_intact()).map(|chunk| chunk.data)
}

/// A chunk (PNG specification, third edition, 5.3).
#[derive(Clone, Copy)]
pub(super) struct Chunk<'bytes> {
    pub(super) name: &'bytes [u8; 4],
    pub(super) data: &'bytes [u8],
    /// Empty at the end of a truncated file.
    checksum: &'bytes [u8],
}

impl Chunk<'_> {
    /// Whether the checksum is correct.
    pub(super) fn is_intact(&self) -> bool {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.name);
        hasher.update(self.data);
        self.checksum == hasher.finalize().to_be_bytes()
    }
}

/// Returns the chunks of a file, up to the last chunk or the first chunk whose data is incomplete.
pub(super) fn chunks(bytes: &[u8]) -> impl Iterator<Item = Chunk<'_>> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after_length) = rest.split_first_chunk::<4>()?;
        let (name, after_name) = after_length.split_first_chunk::<4>()?;
        let (data, after_data) = after_name.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let (checksum, after_checksum) = after_data.split_at(after_data.len().min(4));
        rest = if name == b"IEND" { &[] } else { after_checksum };
        Some(Chunk { name, data, checksum })
    })
}

/// Adds the IEND chunk if the file ends after another chunk and has pixels. The decoder reports the end of the file as an error, although
/// all pixels may be present.
pub(super) fn with_end(bytes: &[u8]) -> Cow<'_, [u8]> {
    const HEADER_LENGTH: usize = 8;
    const END: &[u8] = b"\0\0\0\0IEND\xae\x42\x60\x82";
    let (mut end, mut has_pixels, mut is_complete) = (HEADER_LENGTH, false, false);
    for chunk in chunks(bytes) {
        // The length and the name precede the data.
        end += 8 + chunk.data.len() + chunk.checksum.len();
        has_pixels |= matches!(chunk.name, b"IDAT" | b"fdAT");
        is_complete = chunk.name != b"IEND" && chunk.checksum.len() == 4;
    }
    // A chunk header of eight bytes would begin a chunk that is incomplete.
    if !has_pixels || !is_complete || bytes.len() - end >= 8 {
        return Cow::Borrowed(bytes);
    }
    Cow::Owned([&bytes[..end], END].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let chunk = |(name, data): &(&[u8; 4], &[u8])| {
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            let named = [&name[..], data].concat();
            [&length[..], &named, &crc32fast::hash(&named).to_be_bytes()].concat()
        };
        [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.iter().flat_map(chunk).collect()].concat()
    }

    fn numbers<const COUNT: usize>(numbers: [u32; COUNT]) -> Vec<u8> {
        numbers.map(u32::to_be_bytes).concat()
    }

    #[test]
    fn exif_is_found_before_and_after_the_pixels() {
        for chunks in
            [[(b"eXIf", b"exif".as_slice()), (b"IDAT", b"pixels")], [(b"IDAT", b"pixels"), (b"eXIf", b"exif")]]
        {
            let png = png(&chunks);
            assert_eq!(find_exif(&png), Some(b"exif".as_slice()));
            for end in 0..png.len() {
                let _ = find_exif(&png[..end]);
            }
        }
    }

    #[test]
    fn missing_end_is_added_after_a_complete_chunk() {
        let file = png(&[(b"IHDR", b"header"), (b"IDAT", b"data")]);
        let whole = [&file[..], &png(&[(b"IEND", b"")])[8..]].concat();
        for end in file.len()..file.len() + 8 {
            assert_eq!(with_end(&whole[..end]), whole);
        }
        for end in (0..9).chain(file.len() - 12..file.len()).chain(file.len() + 8..whole.len()) {
            assert_eq!(*with_end(&whole[..end]), whole[..end]);
        }
    }

    #[test]
    fn chunk_with_a_wrong_checksum_is_ignored() {
        let mut png = png(&[(b"eXIf", b"bad"), (b"eXIf", b"good")]);
        png[8 + 8 + 3] ^= 1;
        assert_eq!(find_exif(&png), Some(b"good".as_slice()));
    }

    #[test]
    fn gamma_and_chromaticities_of_srgb_need_no_profile() {
        let gamma = numbers([45_455]);
        let srgb = numbers([31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]);
        assert_eq!(gamma_profile(&png(&[(b"gAMA", &gamma), (b"cHRM", &srgb)]), false), None);
        assert_eq!(gamma_profile(&png(&[(b"gAMA", &numbers([100_000])), (b"sRGB", &[0])]), false), None);
        assert_eq!(gamma_profile(&png(&[]), true), None);
    }

    #[test]
    fn invalid_color_chunks_are_ignored() {
        for gamma in [0, 1, u32::MAX] {
            assert_eq!(gamma_profile(&png(&[(b"gAMA", &numbers([gamma]))]), false), None);
        }
        let flat = numbers([31_270, 0, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]);
        assert_eq!(gamma_profile(&png(&[(b"gAMA", &numbers([45_455])), (b"cHRM", &flat)]), false), None);
        assert_eq!(gamma_profile(&png(&[(b"gAMA", b"abc")]), false), None);
        assert_eq!(read_cicp(&png(&[(b"cICP", &[12, 13, 0, 0])])), None, "samples of a PNG have full range");
    }
}
