use model::{Depth, PlanarImage, Samples, Shape, ShapeError};

/// The same image at 10 bits: SVT-AV1 compresses 8-bit photographs better that way. White stays white and neutral
/// chroma stays neutral, so the two kinds of plane widen differently.
///
/// # Errors
/// None that is known of: the planes stay of their sizes.
pub fn to_ten_bits(image: &PlanarImage) -> Result<PlanarImage, ShapeError> {
    let shape = Shape { depth: Depth::Ten, ..image.shape() };
    let planes = image.planes().iter().enumerate();
    let planes = planes.map(|(plane, samples)| widen(samples, if plane == 0 { luma } else { chroma })).collect();
    let alpha = image.alpha().map(|alpha| widen(alpha, luma));
    PlanarImage::new(shape, planes, alpha, image.color().clone())
}

fn widen(samples: &Samples, level: fn(u8) -> u16) -> Samples {
    let table: Vec<u16> = (0..=u8::MAX).map(level).collect();
    match samples {
        Samples::U8(samples) => Samples::U16(samples.iter().map(|&sample| table[usize::from(sample)]).collect()),
        Samples::U16(samples) => Samples::U16(samples.clone()),
    }
}

/// 0..=255 onto 0..=1023.
fn luma(sample: u8) -> u16 {
    (u16::from(sample) << 2) | (u16::from(sample) >> 6)
}

/// 128, which is no color at 8 bits, onto 512, which is none at 10; four steps a step around it.
fn chroma(sample: u8) -> u16 {
    u16::from(sample) << 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_stays_white_and_neutral_stays_neutral() {
        assert_eq!((luma(0), luma(255), chroma(128)), (0, 1023, 512));
    }
}
