//! What a PNG says beside its pixels and its ICC profile, which the decoder beneath does not tell.

use model::Cicp;
use moxcms::{Chromaticity, ColorPrimaries, ColorProfile, ToneReprCurve, XyY};

/// The `iTXt` chunk with the XMP packet, which may stand before or after the pixels, too.
pub(crate) fn xmp(bytes: &[u8]) -> Option<&[u8]> {
    let texts = chunks(bytes).filter(|(name, _)| *name == b"iTXt").map(|(_, data)| data);
    texts.into_iter().find(|data| data.starts_with(b"XML:com.adobe.xmp\0"))
}

/// The `eXIf` chunk, which may stand before or after the pixels (PNG specification, third edition, 11.3.4.7); a decoder
/// that has only read the header has not seen a later one.
pub(crate) fn exif(bytes: &[u8]) -> Option<&[u8]> {
    chunk(bytes, *b"eXIf")
}

/// The `cICP` chunk, which wins over every other word on color (PNG specification, third edition, 11.3.2.6): Display P3
/// and HDR pictures have one.
pub(crate) fn cicp(bytes: &[u8]) -> Option<Cicp> {
    match *chunk(bytes, *b"cICP")? {
        // The matrix of a PNG is the identity; ours becomes that of the planes.
        [primaries, transfer, 0, 1] => Some(Cicp::with_default_matrix(primaries.into(), transfer.into())),
        _ => None,
    }
}

/// Whether an ICC profile is there, readable or not.
pub(crate) fn has_profile(bytes: &[u8]) -> bool {
    chunk(bytes, *b"iCCP").is_some()
}

/// Code points that say what the `gAMA` and `cHRM` chunks say, where there are such: for light as it is, which needs no
/// profile then and no change of any pixel. They count only where no `iCCP` chunk is.
pub(crate) fn linear(bytes: &[u8], gray: bool) -> Option<Cicp> {
    const LINEAR: u16 = 8;
    let (exponent, chromaticities) = gamma(bytes, gray)?;
    let is_linear = (0.99..=1.01).contains(&exponent) && chromaticities.is_none();
    is_linear.then_some(Cicp { transfer: LINEAR, ..Cicp::SRGB })
}

/// An ICC profile that says what the `gAMA` and `cHRM` chunks say, where that is neither sRGB nor [`linear`]. They count
/// only where no `iCCP` chunk is.
pub(crate) fn profile(bytes: &[u8], gray: bool) -> Option<Vec<u8>> {
    let (exponent, chromaticities) = gamma(bytes, gray)?;
    let is_srgb = (2.15..=2.25).contains(&exponent);
    if (is_srgb && chromaticities.is_none()) || linear(bytes, gray).is_some() {
        return None;
    }
    if gray {
        return ColorProfile::new_gray_with_gamma(single(exponent)).encode().ok();
    }
    let mut profile = ColorProfile::new_srgb();
    if let Some([white, red, green, blue]) = chromaticities {
        let [red, green, blue] = [red, green, blue].map(|[x, y]| Chromaticity { x: single(x), y: single(y) });
        profile.update_rgb_colorimetry(XyY::new(white[0], white[1], 1.0), ColorPrimaries { red, green, blue });
    }
    // Chromaticities alone, beside the gamma that everybody takes for sRGB's, keep sRGB's exact curve.
    if !is_srgb {
        let curve = Some(ToneReprCurve::Parametric(vec![single(exponent)]));
        (profile.red_trc, profile.green_trc, profile.blue_trc) = (curve.clone(), curve.clone(), curve);
    }
    // The code points that came with sRGB are no longer true.
    profile.cicp = None;
    profile.description = None;
    profile.encode().ok()
}

/// The exponent that makes light of levels, and the chromaticities where they matter and are not sRGB's (PNG
/// specification, third edition, 11.3.2.1 and 11.3.2.2); nothing where an `sRGB` chunk says that they do not count.
fn gamma(bytes: &[u8], gray: bool) -> Option<(f64, Option<Chromaticities>)> {
    if chunk(bytes, *b"sRGB").is_some() {
        return None;
    }
    let gamma = u32::from_be_bytes(chunk(bytes, *b"gAMA")?.try_into().ok()?);
    let exponent = 100_000.0 / f64::from(gamma);
    // Others are no pictures' gammas, but slips.
    if !(0.1..=10.0).contains(&exponent) {
        return None;
    }
    let points = chunk(bytes, *b"cHRM").filter(|_| !gray).and_then(chromaticities);
    Some((exponent, points.filter(|points| !are_srgb(points))))
}

/// x and y of white, red, green and blue.
type Chromaticities = [[f64; 2]; 4];

/// BT.709's, which are sRGB's too.
const SRGB: Chromaticities = [[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]];

fn chromaticities(data: &[u8]) -> Option<Chromaticities> {
    let (numbers, []) = data.as_chunks::<4>() else { return None };
    let values: Vec<f64> = numbers.iter().map(|&number| f64::from(u32::from_be_bytes(number)) / 100_000.0).collect();
    let (points, []) = values.as_chunks::<2>() else { return None };
    let points: Chromaticities = points.try_into().ok()?;
    // A point without height is no color, and would be divided by.
    points.iter().all(|[x, y]| (0.001..1.0).contains(y) && *x < 1.0).then_some(points)
}

fn are_srgb(values: &Chromaticities) -> bool {
    values.as_flattened().iter().zip(SRGB.as_flattened()).all(|(a, b)| (a - b).abs() < 0.005)
}

#[expect(clippy::cast_possible_truncation, reason = "six digits are all that the file holds")]
fn single(number: f64) -> f32 {
    number as f32
}

/// The data of the first chunk of that name.
fn chunk(bytes: &[u8], name: [u8; 4]) -> Option<&[u8]> {
    chunks(bytes).find(|(kind, _)| **kind == name).map(|(_, data)| data)
}

/// A file's chunks, up to the first that is not all there.
pub(crate) fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after_length) = rest.split_first_chunk::<4>()?;
        let (kind, data) = after_length.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let whole = data.get(..length)?;
        // The data is followed by its checksum.
        rest = data.get(length.checked_add(4)?..).unwrap_or_default();
        Some((kind, whole))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let chunk = |(name, data): &(&[u8; 4], &[u8])| {
            let length = u32::try_from(data.len()).unwrap().to_be_bytes();
            [&length[..], &name[..], data, &[0; 4]].concat()
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
            assert_eq!(exif(&png), Some(b"exif".as_slice()));
            for end in 0..png.len() {
                let _ = exif(&png[..end]);
            }
        }
    }

    #[test]
    fn what_amounts_to_srgb_needs_no_profile() {
        let gamma = numbers([45_455]);
        let srgb = numbers([31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]);
        assert_eq!(profile(&png(&[(b"gAMA", &gamma), (b"cHRM", &srgb)]), false), None);
        assert_eq!(profile(&png(&[(b"gAMA", &numbers([100_000])), (b"sRGB", &[0])]), false), None);
        assert_eq!(profile(&png(&[]), true), None);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for gamma in [0, 1, u32::MAX] {
            assert_eq!(profile(&png(&[(b"gAMA", &numbers([gamma]))]), false), None);
        }
        let flat = numbers([31_270, 0, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000]);
        assert_eq!(profile(&png(&[(b"gAMA", &numbers([45_455])), (b"cHRM", &flat)]), false), None);
        assert_eq!(profile(&png(&[(b"gAMA", b"abc")]), false), None);
        assert_eq!(cicp(&png(&[(b"cICP", &[12, 13, 0, 0])])), None, "a narrow range is not what the samples have");
    }
}
