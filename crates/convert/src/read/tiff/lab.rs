//! CIE L*a*b* colors (TIFF 6.0, section 23; Adobe Photoshop TIFF Technical Note 4, "`ICCLab`").

/// The conversion of CIE L*a*b* to sRGB. The white of the image becomes the white of sRGB.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LabConversion {
    encoding: LabEncoding,
    /// The sRGB level, 0 to 65,535, for each level of light, 0 to 65,535.
    srgb_levels: Vec<u16>,
}

/// How samples represent L*, a* and b*.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LabEncoding {
    /// Whether samples have 16 bits instead of 8.
    pub(super) is_deep: bool,
    /// Whether a* and b* are stored as in ICC profiles, with an offset, instead of as signed integers.
    pub(super) is_icc: bool,
}

/// CIE XYZ with the white D50 (ICC.1:2022, 7.2.16).
const D50: [f32; 3] = [0.9642, 1.0, 0.8249];
/// The inverse of the matrix of the sRGB profile (IEC 61966-2-1, chromatically adapted to D50 as in ICC.1:2022, annex E).
const XYZ_TO_SRGB: [[f32; 3]; 3] =
    [[3.133_856, -1.616_867, -0.490_615], [-0.978_768, 1.916_142, 0.033_454], [0.071_945, -0.228_991, 1.405_243]];

impl LabConversion {
    pub(super) fn new(encoding: LabEncoding) -> Self {
        let srgb_levels = (0..=u16::MAX).map(|light| level(encode_srgb(f32::from(light) / 65_535.0))).collect();
        Self { encoding, srgb_levels }
    }

    /// Returns levels of 0 to 65,535.
    pub(super) fn to_rgb(&self, samples: [u16; 3]) -> [u16; 3] {
        let [lightness, a, b] = self.encoding.values(samples);
        let middle = (lightness + 16.0) / 116.0;
        let relative = [middle + a / 500.0, middle, middle - b / 200.0].map(decode_lightness);
        let xyz = [relative[0] * D50[0], relative[1] * D50[1], relative[2] * D50[2]];
        XYZ_TO_SRGB.map(|row| {
            let light = level(row[0] * xyz[0] + row[1] * xyz[1] + row[2] * xyz[2]);
            self.srgb_levels[usize::from(light)]
        })
    }
}

impl LabEncoding {
    /// Returns L*, 0 to 100, and a* and b*, -128 to 127.
    fn values(self, [l, a, b]: [u16; 3]) -> [f32; 3] {
        let signed =
            |sample: u16| if self.is_deep { f32::from(sample.cast_signed()) / 256.0 } else { eight_bits(sample) };
        let offset = |sample: u16| f32::from(sample) / if self.is_deep { 256.0 } else { 1.0 } - 128.0;
        let max = match (self.is_deep, self.is_icc) {
            (false, _) => 255.0,
            (true, false) => 65_535.0,
            (true, true) => 65_280.0,
        };
        let l = f32::from(l) * 100.0 / max;
        if self.is_icc { [l, offset(a), offset(b)] } else { [l, signed(a), signed(b)] }
    }
}

fn eight_bits(sample: u16) -> f32 {
    f32::from(sample.to_le_bytes()[0].cast_signed())
}

/// The inverse of the function f of CIE L*a*b* (CIE 15:2004, 8.2.1).
fn decode_lightness(value: f32) -> f32 {
    if value > 6.0 / 29.0 { value.powi(3) } else { (value - 4.0 / 29.0) * 108.0 / 841.0 }
}

/// The transfer function of sRGB (IEC 61966-2-1).
fn encode_srgb(light: f32) -> f32 {
    if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
fn level(value: f32) -> u16 {
    (value * 65_535.0).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colors_are_converted_in_every_encoding() {
        // The CIE L*a*b* values of sRGB colors, adapted to D50 with the Bradford matrix.
        for (lab, expected) in [
            ([100.0, 0.0, 0.0], [255, 255, 255]),
            ([0.0, 0.0, 0.0], [0, 0, 0]),
            ([53.585, 0.0, 0.0], [128, 128, 128]),
            ([54.29, 80.81, 69.89], [255, 0, 0]),
            ([87.82, -79.27, 80.99], [0, 255, 0]),
            ([29.57, 68.30, -112.03], [0, 0, 255]),
        ] {
            for (is_deep, is_icc) in [(false, false), (false, true), (true, false), (true, true)] {
                let actual = LabConversion::new(LabEncoding { is_deep, is_icc }).to_rgb(encode(lab, is_deep, is_icc));
                // Saturated colors change by several levels if a* or b* are rounded to 8 bits.
                let limit = if is_deep { 1 } else { 14 };
                for (actual, expected) in actual.into_iter().zip(expected) {
                    let actual = i32::from(actual) / 257;
                    assert!((actual - expected).abs() <= limit, "{lab:?}, {is_deep}, {is_icc}: {actual}");
                }
            }
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the values are in range")]
    fn encode([l, a, b]: [f32; 3], is_deep: bool, is_icc: bool) -> [u16; 3] {
        let signed = |value: f32| {
            if is_deep { (value * 256.0).round() as i16 as u16 } else { u16::from(value.round() as i8 as u8) }
        };
        let offset = |value: f32| ((value + 128.0) * if is_deep { 256.0 } else { 1.0 }).round() as u16;
        let max = if !is_deep {
            255.0
        } else if is_icc {
            65_280.0
        } else {
            65_535.0
        };
        let l = (l * max / 100.0).round() as u16;
        if is_icc { [l, offset(a), offset(b)] } else { [l, signed(a), signed(b)] }
    }
}
