//! The sizes that a recipe makes of a picture.

use model::Width;

/// The sizes that `widths` make of a picture of this size, each once, the widest first.
pub(crate) fn sizes((width, height): (u32, u32), widths: impl Iterator<Item = Width>) -> Vec<(u32, u32)> {
    let mut sizes: Vec<_> = widths.map(|requested| size((width, height), requested)).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    sizes.dedup();
    sizes
}

/// The size that an requested width makes of a picture of this size: the same proportions, never larger.
pub(crate) fn size((width, height): (u32, u32), requested: Width) -> (u32, u32) {
    let narrowed = requested.resolve(width);
    let rounded = (u64::from(height) * u64::from(narrowed) + u64::from(width) / 2) / u64::from(width);
    // A very wide picture keeps one row.
    (narrowed, u32::try_from(rounded).unwrap_or(height).clamp(1, height))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_variant_fits_its_box_and_keeps_its_proportions(
            width in 1..=Width::MAX, height in 1..=Width::MAX, requested in 1..=Width::MAX,
        ) {
            let requested: Width = requested.to_string().parse().unwrap();
            let (narrow, low) = size((width, height), requested);
            prop_assert!(narrow <= width && low <= height && narrow >= 1 && low >= 1);
            prop_assert_eq!(narrow, requested.resolve(width));
            let exact = f64::from(height) * f64::from(narrow) / f64::from(width);
            prop_assert!((f64::from(low) - exact).abs() <= 0.5 || (low == 1 && exact < 1.0), "{low} for {exact}");
        }
    }

    #[test]
    fn widths_beyond_the_source_are_one_size() {
        let widths: model::Widths = "full,4000,2000,100".parse().unwrap();
        assert_eq!(sizes((1000, 500), widths.iter()), [(1000, 500), (100, 50)]);
    }
}
