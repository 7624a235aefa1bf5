//! The placeholder of a manifest as a CSS background.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::{Manifest, Placeholder};
use png::{BitDepth, ColorType, Compression, Encoder};

use super::InvalidManifest;

/// The bit of the third byte of a `ThumbHash` that is set if any pixel is transparent.
const HAS_ALPHA: u8 = 0x80;

/// Returns the value of the CSS property `background`, or `None` if the manifest has no placeholder or the image has
/// transparent pixels: the background would stay visible behind them. If the manifest does not contain
/// `source.alpha`, the `ThumbHash` decides.
pub(super) fn background(manifest: &Manifest) -> Result<Option<String>, InvalidManifest> {
    let Some(Placeholder { thumbhash, color }) = &manifest.placeholder else { return Ok(None) };
    let is_color = |color: &str| {
        color.strip_prefix('#').is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|d| d.is_ascii_hexdigit()))
    };
    if !is_color(color) {
        return Err(InvalidManifest::Color(color.clone()));
    }
    let invalid = || InvalidManifest::ThumbHash(thumbhash.clone());
    let hash = BASE64_STANDARD.decode(thumbhash).map_err(|_| invalid())?;
    let (width, height, pixels) = thumbhash::thumb_hash_to_rgba(&hash).map_err(|()| invalid())?;
    let has_alpha = hash.get(2).is_some_and(|byte| byte & HAS_ALPHA != 0);
    if manifest.source.alpha == Some(true) || has_alpha {
        return Ok(None);
    }
    let png = encode_png(width, height, &pixels).map_err(|_| invalid())?;
    Ok(Some(format!("{color} url(data:image/png;base64,{}) center/cover no-repeat", BASE64_STANDARD.encode(png))))
}

/// Encodes opaque RGBA pixels without their alpha, which would make the file larger.
fn encode_png(width: usize, height: usize, pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    // A ThumbHash decodes to at most 32 pixels per side.
    let side = |side: usize| u32::try_from(side).unwrap_or_default();
    let rgb: Vec<u8> = pixels.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    let mut png = vec![];
    let mut encoder = Encoder::new(&mut png, side(width), side(height));
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&rgb)?;
    writer.finish()?;
    Ok(png)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::samples::manifest;

    /// The `ThumbHash` of an image that is red on the left and blue on the right.
    fn thumbhash(alpha: u8) -> String {
        let pixels: Vec<u8> = (0..60 * 40)
            .flat_map(|index| if index % 60 < 30 { [220, 20, 20, alpha] } else { [20, 20, 220, alpha] })
            .collect();
        BASE64_STANDARD.encode(thumbhash::rgba_to_thumb_hash(60, 40, &pixels))
    }

    fn background_of(thumbhash: &str, color: &str, alpha: Option<bool>) -> Result<Option<String>, InvalidManifest> {
        let mut manifest = manifest(&[]);
        manifest.placeholder = Some(Placeholder { thumbhash: thumbhash.into(), color: color.into() });
        manifest.source.alpha = alpha;
        background(&manifest)
    }

    #[test]
    fn background_is_the_color_and_the_decoded_thumbhash() {
        let css = background_of(&thumbhash(255), "#0a80fF", Some(false)).unwrap().unwrap();
        let png = css.strip_prefix("#0a80fF url(data:image/png;base64,").unwrap();
        let png = BASE64_STANDARD.decode(png.strip_suffix(") center/cover no-repeat").unwrap()).unwrap();
        assert!(png.len() < 2000, "{} bytes", png.len());
        let image = image::load_from_memory(&png).unwrap().to_rgba8();
        // The aspect ratio of a ThumbHash is approximate.
        assert!(image.width() == 32 && image.height().abs_diff(21) <= 2, "{:?}", image.dimensions());
        let (left, right) = (image.get_pixel(4, 10).0, image.get_pixel(27, 10).0);
        assert!(left[0] > 150 && left[2] < 100 && right[0] < 100 && right[2] > 150, "{left:?} {right:?}");
    }

    #[test]
    fn image_with_transparent_pixels_has_no_background() {
        let (opaque, transparent) = (thumbhash(255), thumbhash(128));
        assert_eq!(background_of(&opaque, "#000000", Some(true)), Ok(None));
        assert_eq!(background_of(&transparent, "#000000", Some(false)), Ok(None));
        assert_eq!(background_of(&transparent, "#000000", None), Ok(None));
        assert!(background_of(&opaque, "#000000", None).unwrap().is_some());
    }

    #[test]
    fn color_that_contains_other_css_is_reported() {
        for color in ["red", "#fff", "#0000000", "#00000g", "#000000;", "#00000\u{e9}", "url(//evil.example)"] {
            assert_eq!(background_of(&thumbhash(255), color, None), Err(InvalidManifest::Color(color.into())));
        }
    }

    #[test]
    fn invalid_thumbhash_is_reported() {
        // The last two describe images without width and without height.
        for hash in ["", "AAAA", "not Base64!", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAIAAAAAAAAAAAAAAAAAAAAAAAAAA"]
        {
            assert_eq!(background_of(hash, "#000000", None), Err(InvalidManifest::ThumbHash(hash.into())), "{hash}");
        }
    }
}
