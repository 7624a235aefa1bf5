//! Converts PQ and HLG pixels to sRGB for displays without high dynamic range.
//!
//! The curve is the one that Chromium 156 uses for such displays: the reference white tone mapping operator of SMPTE ST
//! 2094-50, with the default parameters of Skia. It halves the light up to the white of a usual display, and maps the peak
//! luminance to the white of the display. The brightest of the three components decides by how much a color is darkened,
//! so that the hue stays the same.

use image::{DynamicImage, Rgb, RgbImage, Rgba, RgbaImage};
use model::Cicp;

/// The luminance of white on a display without high dynamic range, in cd/m² (ITU-R BT.2408, 2.1).
const SDR_WHITE: f32 = 203.0;
/// The luminance of the brightest color, relative to [`SDR_WHITE`]: 1,000 cd/m², which Chromium assumes for images without
/// metadata, and which BT.2100 assumes for HLG.
const PEAK: f32 = 1000.0 / SDR_WHITE;
/// BT.2100, table 5: the exponent of the system gamma at 1,000 cd/m².
const HLG_GAMMA: f32 = 1.2;
const PQ: u16 = 16;
/// Where the curve leaves the straight line: the light, and the light on the display.
const KNEE: (f32, f32) = (1.0, 0.5);
/// The middle control point of the quadratic Bézier curve from the knee to the peak. It is on the extended line, at 65 % of
/// the distance from the knee to the white of the display.
const MIDDLE: (f32, f32) = (1.65, 0.825);

type Matrix = [[f32; 3]; 3];

/// Linear RGB of BT.2020, and of Display P3, to linear RGB of sRGB (ITU-R BT.2087, and SMPTE EG 432-1).
const FROM_BT2020: Matrix = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]];
const FROM_P3: Matrix = [[1.2249, -0.2247, 0.0], [-0.0420, 1.0419, 0.0], [-0.0196, -0.0786, 1.0979]];
const UNCHANGED: Matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Converts the pixels of a PQ or HLG image with these code points (ITU-T H.273) to sRGB with 8 bits per channel.
pub(crate) fn tone_map(image: &DynamicImage, cicp: Cicp) -> DynamicImage {
    let linear: Vec<f32> = (0..=u16::MAX)
        .map(|level| {
            let level = f32::from(level) / f32::from(u16::MAX);
            if cicp.transfer == PQ { pq_to_linear(level) } else { hlg_to_scene(level) }
        })
        .collect();
    let srgb: Vec<u8> = (0..=u16::MAX).map(|level| linear_to_srgb(f32::from(level) / f32::from(u16::MAX))).collect();
    let (matrix, luma) = match cicp.primaries {
        9 => (FROM_BT2020, [0.2627, 0.6780, 0.0593]),
        12 => (FROM_P3, [0.2290, 0.6917, 0.0793]),
        _ => (UNCHANGED, [0.2126, 0.7152, 0.0722]),
    };
    let convert = |pixel: [u16; 3]| {
        let mut light = pixel.map(|level| linear[usize::from(level)]);
        if cicp.transfer != PQ {
            let luminance: f32 = light.iter().zip(luma).map(|(light, weight)| light * weight).sum();
            light = light.map(|light| light * luminance.powf(HLG_GAMMA - 1.0) * PEAK);
        }
        let brightest = light.into_iter().fold(0.0, f32::max);
        let scale = if brightest > 0.0 { displayed_light(brightest) / brightest } else { 0.0 };
        matrix.map(|row| {
            let light: f32 = row.iter().zip(light).map(|(factor, light)| factor * light * scale).sum();
            srgb[usize::from(level_of(light))]
        })
    };
    if image.color().has_alpha() {
        let pixels = image.to_rgba16();
        let converted = RgbaImage::from_fn(pixels.width(), pixels.height(), |x, y| {
            let Rgba([red, green, blue, alpha]) = *pixels.get_pixel(x, y);
            let [red, green, blue] = convert([red, green, blue]);
            Rgba([red, green, blue, u8::try_from(alpha / 257).unwrap_or(u8::MAX)])
        });
        return converted.into();
    }
    let pixels = image.to_rgb16();
    RgbImage::from_fn(pixels.width(), pixels.height(), |x, y| Rgb(convert(pixels.get_pixel(x, y).0))).into()
}

/// Returns the light on the display, 0 to 1, for light relative to [`SDR_WHITE`].
fn displayed_light(light: f32) -> f32 {
    if light <= KNEE.0 {
        return light * KNEE.1 / KNEE.0;
    }
    if light >= PEAK {
        return 1.0;
    }
    // The parameter of the point of the Bézier curve that has this light.
    let (square, linear) = (KNEE.0 - 2.0 * MIDDLE.0 + PEAK, 2.0 * (MIDDLE.0 - KNEE.0));
    let part = ((linear * linear + 4.0 * square * (light - KNEE.0)).sqrt() - linear) / (2.0 * square);
    let (square, linear) = (KNEE.1 - 2.0 * MIDDLE.1 + 1.0, 2.0 * (MIDDLE.1 - KNEE.1));
    KNEE.1 + linear * part + square * part * part
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of 16 bits")]
fn level_of(light: f32) -> u16 {
    (light.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16
}

/// Returns the luminance of a PQ level relative to [`SDR_WHITE`] (ITU-R BT.2100, table 4).
fn pq_to_linear(level: f32) -> f32 {
    let power = level.powf(32.0 / 2523.0);
    let ratio = (power - 107.0 / 128.0).max(0.0) / (2413.0 / 128.0 - 2392.0 / 128.0 * power);
    10_000.0 / SDR_WHITE * ratio.powf(8192.0 / 1305.0)
}

/// Returns the light of the scene for an HLG level, 0 to 1 (ITU-R BT.2100, table 5).
fn hlg_to_scene(level: f32) -> f32 {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    if level <= 0.5 { level * level / 3.0 } else { (((level - C) / A).exp() + B) / 12.0 }
}

/// IEC 61966-2-1.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 255")]
fn linear_to_srgb(light: f32) -> u8 {
    let level = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (level * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use image::ImageBuffer;

    use super::*;

    fn gray(level: f32, transfer: u16) -> u8 {
        let pixel = Rgb([level_of(level); 3]);
        let image = DynamicImage::ImageRgb16(ImageBuffer::from_pixel(1, 1, pixel));
        let converted = tone_map(&image, Cicp::with_default_matrix(9, transfer)).into_rgb8();
        let [red, green, blue] = converted.get_pixel(0, 0).0;
        assert!(red.abs_diff(green) <= 1 && green.abs_diff(blue) <= 1);
        green
    }

    #[test]
    fn peak_is_white_and_black_is_black() {
        // 1,000 cd/m² has the PQ level 0.7518 (BT.2100).
        assert_eq!((gray(0.7518, 16), gray(1.0, 16), gray(0.0, 16)), (255, 255, 0));
        assert_eq!((gray(1.0, 18), gray(0.0, 18)), (255, 0));
    }

    #[test]
    fn grays_are_those_of_chromium() {
        // Chromium 156 on a display without high dynamic range: 50, 203 and 600 cd/m² in PQ, and HLG levels.
        let expected = [(0.4403, 16, 98), (0.5807, 16, 187), (0.6963, 16, 239), (0.5, 18, 99), (11.0 / 14.0, 18, 202)];
        for (level, transfer, expected) in expected {
            let gray = gray(level, transfer);
            assert!(gray.abs_diff(expected) <= 2, "{gray} is not {expected} at {level}");
        }
    }
}
