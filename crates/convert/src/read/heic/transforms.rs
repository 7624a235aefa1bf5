//! The crop, rotation and mirroring of an item (ISO/IEC 23008-12, 6.5.9, 6.5.10 and 6.5.12).

use avif::{Aperture, Orientation};
use heifer_isobmff::boxes::Property;

/// What a viewer does with the decoded image: it crops first, then rotates, then mirrors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Transforms {
    pub(super) aperture: Option<Aperture>,
    pub(super) orientation: Orientation,
}

impl Transforms {
    /// Reads the properties of an item, in their order. Returns `None` if the image is cropped twice, or is cropped after
    /// its rotation.
    pub(super) fn read<'property>(properties: impl Iterator<Item = &'property Property>) -> Option<Self> {
        let mut transforms = Self::default();
        for property in properties {
            match property {
                Property::CleanAperture { width, height, horiz_offset, vert_offset } => {
                    if transforms != Self::default() {
                        return None;
                    }
                    let unsigned = |(over, under): (u32, u32)| Some((over.try_into().ok()?, under.try_into().ok()?));
                    let signed = |(over, under): (i32, u32)| Some((over, under.try_into().ok()?));
                    transforms.aperture = Some(Aperture {
                        width: unsigned(*width)?,
                        height: unsigned(*height)?,
                        right: signed(*horiz_offset)?,
                        down: signed(*vert_offset)?,
                    });
                }
                Property::Rotation(quarter_turns) => transforms.rotate(*quarter_turns),
                Property::Mirror(swaps_top_and_bottom) => transforms.mirror(u8::from(!swaps_top_and_bottom)),
                _ => {}
            }
        }
        Some(transforms)
    }

    /// Adds a rotation after the others. A mirrored image turns in the opposite direction.
    fn rotate(&mut self, quarter_turns: u8) {
        let Orientation { quarter_turns: before, mirror_axis } = self.orientation;
        let added = if mirror_axis.is_some() { 4 - quarter_turns } else { quarter_turns };
        self.orientation.quarter_turns = (before + added) % 4;
    }

    /// Adds a mirroring after the others. Two mirrorings are a rotation: by nothing, or by 180°.
    fn mirror(&mut self, axis: u8) {
        match self.orientation.mirror_axis.take() {
            None => self.orientation.mirror_axis = Some(axis),
            Some(before) if before == axis => {}
            Some(_) => self.orientation.quarter_turns = (self.orientation.quarter_turns + 2) % 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, GrayImage};

    use super::*;
    use crate::read::heif;

    #[test]
    fn any_order_of_rotations_and_mirrorings_becomes_one_orientation() {
        let stored = DynamicImage::from(GrayImage::from_raw(3, 2, vec![1, 2, 3, 4, 5, 6]).unwrap());
        let steps: Vec<Property> =
            (0..4).map(Property::Rotation).chain([Property::Mirror(true), Property::Mirror(false)]).collect();
        let apply = |image: DynamicImage, property: &Property| match property {
            // `rotate90` turns clockwise.
            Property::Rotation(1) => image.rotate270(),
            Property::Rotation(2) => image.rotate180(),
            Property::Rotation(3) => image.rotate90(),
            Property::Mirror(true) => image.flipv(),
            Property::Mirror(false) => image.fliph(),
            _ => image,
        };
        for first in &steps {
            for second in &steps {
                for third in &steps {
                    let order = [first, second, third];
                    let expected = order.iter().fold(stored.clone(), |image, step| apply(image, step));
                    let transforms = Transforms::read(order.into_iter()).unwrap();
                    let mut oriented = stored.clone();
                    oriented.apply_orientation(heif::orientation(transforms.orientation));
                    assert_eq!(oriented, expected, "{order:?}");
                }
            }
        }
    }

    #[test]
    fn only_one_crop_before_the_rotation_is_read() {
        let crop =
            Property::CleanAperture { width: (4, 1), height: (3, 1), horiz_offset: (-1, 2), vert_offset: (0, 1) };
        let turn = Property::Rotation(1);
        let transforms = Transforms::read([&crop, &turn].into_iter()).unwrap();
        let aperture = Aperture { width: (4, 1), height: (3, 1), right: (-1, 2), down: (0, 1) };
        assert_eq!(transforms.aperture, Some(aperture));
        assert_eq!(transforms.orientation.quarter_turns, 1);
        assert_eq!(Transforms::read([&turn, &crop].into_iter()), None);
        assert_eq!(Transforms::read([&crop, &crop].into_iter()), None);
    }
}
