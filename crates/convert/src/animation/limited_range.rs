use model::{Cicp, Color, PlanarImage, Samples, ShapeError};

/// Converts a frame to limited range (ITU-T H.273, 8.3). Chromium 156 decodes every sequence as limited range, even if
/// the file declares full range. It therefore shows a sequence in full range with too much contrast. Other viewers
/// support both ranges.
pub(super) fn to_limited_range(frame: &PlanarImage) -> Result<PlanarImage, ShapeError> {
    let planes = frame.planes().iter().enumerate();
    let planes = planes.map(|(plane, samples)| map_samples(samples, if plane == 0 { luma } else { chroma })).collect();
    let Color { cicp, icc } = frame.color().clone();
    let color = Color { cicp: Cicp { full_range: false, ..cicp }, icc };
    // Alpha always has full range (AVIF 1.2, 4).
    PlanarImage::new(frame.shape(), planes, frame.alpha().cloned(), color)
}

fn map_samples(samples: &Samples, level: fn(u8) -> u8) -> Samples {
    let table: Vec<u8> = (0..=u8::MAX).map(level).collect();
    match samples {
        Samples::U8(samples) => Samples::U8(samples.iter().map(|&sample| table[usize::from(sample)]).collect()),
        // Frames always have 8 bits, so this case does not occur.
        Samples::U16(samples) => Samples::U16(samples.clone()),
    }
}

/// Maps a luma sample from 0..=255 to 16..=235, and rounds the result.
fn luma(sample: u8) -> u8 {
    u8::try_from(16 + (u32::from(sample) * 219 + 127) / 255).unwrap_or(u8::MAX)
}

/// Maps a chroma sample from 0..=255 to 16..=240, and rounds the result. The neutral sample 128 stays 128.
fn chroma(sample: u8) -> u8 {
    u8::try_from((u32::from(sample) * 224 + 128 * (255 - 224) + 127) / 255).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_range_maps_to_limited_range() {
        assert_eq!([0, 255].map(luma), [16, 235]);
        assert_eq!([0, 127, 128, 129, 255].map(chroma), [16, 127, 128, 129, 240]);
    }
}
