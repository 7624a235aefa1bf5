use model::{Cicp, Color, PlanarImage, Samples, ShapeError};

/// The same frame in video's narrow range (ITU-T H.273, 8.3). Chromium 156 takes every sequence to be in it, whatever the
/// file says, and shows one in full range with too much contrast; others read both.
pub(super) fn narrow(frame: &PlanarImage) -> Result<PlanarImage, ShapeError> {
    let planes = frame.planes().iter().enumerate();
    let planes = planes.map(|(plane, samples)| map(samples, if plane == 0 { luma } else { chroma })).collect();
    let Color { cicp, icc } = frame.color().clone();
    let color = Color { cicp: Cicp { full_range: false, ..cicp }, icc };
    // Alpha is in full range always (AVIF 1.2, 4).
    PlanarImage::new(frame.shape(), planes, frame.alpha().cloned(), color)
}

fn map(samples: &Samples, level: fn(u8) -> u8) -> Samples {
    let table: Vec<u8> = (0..=u8::MAX).map(level).collect();
    match samples {
        Samples::U8(samples) => Samples::U8(samples.iter().map(|&sample| table[usize::from(sample)]).collect()),
        // Of frames there are none with more than eight bits.
        Samples::U16(samples) => Samples::U16(samples.clone()),
    }
}

/// 0..=255 onto 16..=235, rounded.
fn luma(sample: u8) -> u8 {
    u8::try_from(16 + (u32::from(sample) * 219 + 127) / 255).unwrap_or(u8::MAX)
}

/// 0..=255 onto 16..=240, rounded; 128, which is no color, stays.
fn chroma(sample: u8) -> u8 {
    u8::try_from((u32::from(sample) * 224 + 128 * (255 - 224) + 127) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_range_come_to_the_ends_of_the_narrow_one() {
        assert_eq!([0, 255].map(luma), [16, 235]);
        assert_eq!([0, 127, 128, 129, 255].map(chroma), [16, 127, 128, 129, 240]);
    }
}
