//! What AVIF and HEIC have in common: brands and item properties of HEIF (ISO/IEC 23008-12).

use avif::Aperture;
use avif::boxes::FileSlice;
use image::ColorType;
use image::metadata::Orientation;
use model::{Chroma, Cicp, Depth, Shape};

/// Returns the brands in the file's first box, if this box is an `ftyp` box. The major brand is the first, and the
/// compatible brands follow.
pub(super) fn brands(file: &[u8]) -> Vec<[u8; 4]> {
    match FileSlice::whole(file).child_boxes().next() {
        Some(Ok((name, content))) if name == *b"ftyp" => {
            // The minor version is between the major brand and the compatible ones.
            let brands = content.bytes().as_chunks().0.iter().enumerate().filter(|(index, _)| *index != 1);
            brands.map(|(_, brand)| *brand).collect()
        }
        _ => vec![],
    }
}

/// Whether a brand of the file is one of HEIF (ISO/IEC 23008-12, 10). Files of AVIF also have such brands.
pub(super) fn is_heif(bytes: &[u8]) -> bool {
    let is_heif = |brand: &[u8; 4]| {
        matches!(
            brand,
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"mif2" | b"mif3" | b"msf1"
        )
    };
    brands(bytes).iter().any(is_heif)
}

/// Returns the type of the decoded pixels.
pub(super) fn color_type(shape: Shape, has_alpha: bool) -> ColorType {
    match (shape.depth, shape.chroma, has_alpha) {
        (Depth::Eight, Chroma::Monochrome, false) => ColorType::L8,
        (Depth::Eight, Chroma::Monochrome, true) => ColorType::La8,
        (Depth::Eight, _, false) => ColorType::Rgb8,
        (Depth::Eight, _, true) => ColorType::Rgba8,
        (_, Chroma::Monochrome, false) => ColorType::L16,
        (_, Chroma::Monochrome, true) => ColorType::La16,
        (_, _, false) => ColorType::Rgb16,
        (_, _, true) => ColorType::Rgba16,
    }
}

/// Returns the primaries and the transfer characteristics, with a matrix that we support. Returns `None` if both are
/// unspecified.
pub(super) fn cicp(Cicp { primaries, transfer, .. }: Cicp) -> Option<Cicp> {
    const UNSPECIFIED: u16 = 2;
    (primaries != UNSPECIFIED || transfer != UNSPECIFIED).then(|| Cicp::with_default_matrix(primaries, transfer))
}

/// Returns the rotation and mirroring as an Exif orientation. A vertical flip has the same result as a horizontal flip
/// and a rotation by 180°.
pub(super) fn orientation(of: avif::Orientation) -> Orientation {
    let half = if of.mirror_axis == Some(0) { 2 } else { 0 };
    match ((of.quarter_turns + half) % 4, of.mirror_axis.is_some()) {
        (1, false) => Orientation::Rotate270,
        (2, false) => Orientation::Rotate180,
        (3, false) => Orientation::Rotate90,
        (0, true) => Orientation::FlipHorizontal,
        (1, true) => Orientation::Rotate270FlipH,
        (2, true) => Orientation::FlipVertical,
        (3, true) => Orientation::Rotate90FlipH,
        _ => Orientation::NoTransforms,
    }
}

/// Returns the rectangle of a clean aperture: left, top, width and height. Returns `None` if the rectangle does not
/// consist of whole pixels or extends beyond the image. Viewers ignore such an aperture.
pub(super) fn crop_rect(Aperture { width, height, right, down }: Aperture, size: (u32, u32)) -> Option<[u32; 4]> {
    let (left, width) = crop_side(width, right, size.0)?;
    let (top, height) = crop_side(height, down, size.1)?;
    Some([left, top, width, height])
}

fn crop_side(length: (i32, i32), off: (i32, i32), whole: u32) -> Option<(u32, u32)> {
    let [length, per_length, off, per_off] = [length.0, length.1, off.0, off.1].map(i64::from);
    if per_length <= 0 || per_off <= 0 || length % per_length != 0 {
        return None;
    }
    let length = length / per_length;
    let twice = (i64::from(whole) - length) * per_off + 2 * off;
    if twice % (2 * per_off) != 0 {
        return None;
    }
    let start = twice / (2 * per_off);
    let fits = length > 0 && start >= 0 && start + length <= i64::from(whole);
    fits.then(|| Some((u32::try_from(start).ok()?, u32::try_from(length).ok()?))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_aperture_of_whole_pixels_within_the_image_is_a_crop() {
        let size = (100, 60);
        let aperture = Aperture { width: (40, 1), height: (60, 2), right: (-20, 1), down: (5, 1) };
        assert_eq!(crop_rect(aperture, size), Some([10, 20, 40, 30]));
        for invalid in [
            Aperture { width: (0, 1), ..aperture },
            Aperture { width: (41, 1), ..aperture },
            Aperture { width: (1, 0), ..aperture },
            Aperture { width: (i32::MIN, -1), ..aperture },
            Aperture { right: (i32::MAX, 1), ..aperture },
            Aperture { right: (-31, 1), ..aperture },
            Aperture { down: (i32::MIN, 1), ..aperture },
        ] {
            assert_eq!(crop_rect(invalid, size), None, "{invalid:?}");
        }
    }
}
