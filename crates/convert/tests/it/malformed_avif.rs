//! Tests AVIFs that need more work to decode than they declare, and AVIFs that different readers could interpret in
//! different ways.

use convert::Error;
use image::DynamicImage;

use crate::avif_boxes::{Boxes, Item, build_box, ispe};
use crate::avif_tools::{avifdec, avifenc_in, convert_file, recipe};
use crate::fixtures::gradient_image;

fn small_image() -> DynamicImage {
    gradient_image(64, 64).into()
}

fn error(file: &[u8]) -> String {
    convert_file(file, &recipe()).unwrap_err().to_string()
}

/// Splits AV1 data into OBUs. In these files, each OBU has a header of one byte and then a size of one or two bytes.
fn obus(data: &[u8]) -> Vec<&[u8]> {
    let mut obus = vec![];
    let mut rest = data;
    while !rest.is_empty() {
        let (bytes, size) = match rest[1] {
            small @ 0..0x80 => (1, usize::from(small)),
            low => (2, usize::from(low & 0x7f) + (usize::from(rest[2]) << 7)),
        };
        let (obu, rest_after) = rest.split_at(1 + bytes + size);
        obus.push(obu);
        rest = rest_after;
    }
    obus
}

#[test]
fn avif_built_from_boxes_is_converted() {
    let boxes = Boxes::still(&small_image());
    let conversion = convert_file(&boxes.file(), &recipe()).unwrap();
    assert_eq!(avifdec(&conversion.variants[0].bytes).image, avifdec(&boxes.file()).image);
}

#[test]
fn unused_item_outside_the_file_does_not_hide_a_large_image() {
    let mut boxes = Boxes::still(&DynamicImage::new_rgb8(2000, 1000));
    boxes.properties[0] = ispe(64, 64);
    boxes.items.push(Item { kind: *b"av01", name: b"", data: vec![1], properties: vec![], excess: 1 << 20 });
    assert_eq!(error(&boxes.file()), "damaged AVIF: its images are larger than the declared size");
}

#[test]
fn grid_that_declares_fewer_pixels_than_its_cells_contain_is_rejected() {
    let mut boxes = Boxes::still(&small_image());
    let cell = boxes.items.remove(0);
    let grid = vec![0, 0, 3, 3, 0, 64, 0, 64];
    boxes.items.push(Item { kind: *b"grid", name: b"", data: grid, properties: vec![1, 2], excess: 0 });
    boxes.items.extend(std::iter::repeat_n(cell, 16));
    boxes.references.push((*b"dimg", 1, (2..18).collect()));
    assert_eq!(error(&boxes.file()), "damaged AVIF: its frames have more than 8 times the declared pixels");
    // Now the grid item declares 256x256 pixels, but its property `ispe` still declares 64x64 pixels.
    boxes.items[0].data = vec![0, 0, 3, 3, 1, 0, 1, 0];
    assert_eq!(error(&boxes.file()), "damaged AVIF: its frames have more than 8 times the declared pixels");
    boxes.properties.push(ispe(256, 256));
    boxes.items[0].properties = vec![4, 2];
    assert!(convert_file(&boxes.file(), &recipe()).is_ok());
}

#[test]
fn image_with_many_frames_is_rejected() {
    let mut boxes = Boxes::still(&small_image());
    let data = boxes.items[0].data.clone();
    let frame = *obus(&data).last().unwrap();
    boxes.items[0].data = [&data[..], &frame.repeat(999)].concat();
    let expected = "damaged AVIF: item 1 must be one image, but has 1000 AV1 frames and shows 1000 of them";
    assert_eq!(error(&boxes.file()), expected);
}

#[test]
fn error_names_the_item_that_is_damaged_or_unsupported() {
    let boxes = Boxes::still(&small_image());
    let with = |change: &dyn Fn(&mut Boxes)| {
        let mut changed = boxes.clone();
        change(&mut changed);
        error(&changed.file())
    };
    let outside_extent = with(&|boxes| boxes.items[0].excess = 1);
    assert_eq!(outside_extent, "damaged AVIF: an extent of item 1 in the box `iloc` is empty or outside the file");
    let derived = with(&|boxes| boxes.items[0].kind = *b"iovl");
    assert!(derived.ends_with("item 1 is an image of type `iovl`; only `av01` and `grid` are supported"), "{derived}");
    let essential = with(&|boxes| {
        boxes.properties.push(build_box(*b"what", b"ever"));
        boxes.items[0].properties.push(0x84);
    });
    assert!(essential.ends_with("item 1 has the unknown essential property `what`"), "{essential}");
    let index = with(&|boxes| boxes.items[0].properties.push(9));
    assert!(index.contains("`ipma`"), "{index}");
    let short = with(&|boxes| boxes.properties[0] = build_box(*b"ispe", &[0; 8]));
    assert_eq!(short, "damaged AVIF: the box `ispe` is shorter than its fields");
    let header = with(&|boxes| {
        boxes.items[0].data.drain(..2);
        boxes.items[0].data[2] = 0xff;
        boxes.items[0].data.truncate(8);
    });
    assert!(header.starts_with("damaged AVIF: an AV1 OBU is longer than the data"), "{header}");
}

#[test]
fn item_location_fields_of_unsupported_sizes_are_rejected() {
    let file = Boxes::still(&small_image()).file();
    let at = file.windows(4).position(|window| window == b"iloc").unwrap() + 8;
    for (sizes, expected) in [
        (0x42, "damaged AVIF: the box `iloc` has fields that are not 0, 4 or 8 bytes long"),
        (0x40, "AVIF of an unsupported kind: the box `iloc` has extents without a length"),
    ] {
        let mut changed = file.clone();
        changed[at] = sizes;
        assert_eq!(error(&changed), expected);
    }
    let mut changed = file.clone();
    // Version 1 of the box stores the construction method in the bytes that version 0 uses for the data reference
    // index.
    changed[at - 4] = 1;
    changed[at + 5..at + 7].copy_from_slice(&[0, 2]);
    let text = error(&changed);
    assert!(text.contains("item 1 has construction method 2 in the box `iloc`") || text.contains("`iloc`"), "{text}");
}

#[test]
fn track_with_too_many_samples_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    small_image().save(folder.path().join("a.png")).unwrap();
    let file = avifenc_in(folder.path(), &["a.png", "a.png", "a.png"]);
    let with = |size: u32, count: u32| {
        let mut file = file.clone();
        for (name, fields) in [(b"stsz", [size, count]), (b"stts", [1, count])] {
            for at in 0..file.len() - 4 {
                if &file[at..at + 4] == name {
                    file[at + 8..at + 16].copy_from_slice(fields.map(u32::to_be_bytes).as_flattened());
                }
            }
        }
        file
    };
    assert_eq!(
        error(&with(1, 2_590_000)),
        "AVIF of an unsupported kind: a track has 2590000 samples, over the limit of 65536"
    );
    assert_eq!(error(&with(1, 60_000)), "damaged AVIF: the box `stsc` has fewer samples than the box `stsz`");
    assert!(matches!(convert_file(&with(0, 60_000), &recipe()).unwrap_err(), Error::Damaged { .. }));
}

#[test]
fn layer_sizes_are_reduced_by_the_removed_obus() {
    let mut boxes = Boxes::still(&small_image());
    let data = boxes.items[0].data.clone();
    let padding = [&[0x7a, 6][..], b"SECRET"].concat();
    // The first layer ends after the padding OBU, which the converter removes. The padding follows the sequence header.
    let first = obus(&data)[..2].concat();
    boxes.items[0].data = [&first[..], &padding, &data[first.len()..]].concat();
    let layer = u8::try_from(first.len() + padding.len()).unwrap();
    boxes.properties.push(build_box(*b"a1lx", &[0, 0, layer, 0, 0, 0, 0]));
    boxes.items[0].properties.push(4);
    let stripped = &convert_file(&boxes.file(), &recipe()).unwrap().variants[0].bytes;
    let at = stripped.windows(4).position(|window| window == b"a1lx").unwrap();
    assert_eq!(stripped[at + 4..at + 9], [&[1][..], &u32::try_from(first.len()).unwrap().to_be_bytes()].concat());
    let expected = avifdec(&boxes.file()).image;
    assert!(avifdec(stripped).image == expected, "the pixels differ");
    // Sizes are omitted if a layer ends within an OBU or after the data.
    for wrong in [[0, layer - 1], [0xff, 0xff]] {
        boxes.properties[3] = build_box(*b"a1lx", &[0, wrong[0], wrong[1], 0, 0, 0, 0]);
        let stripped = &convert_file(&boxes.file(), &recipe()).unwrap().variants[0].bytes;
        assert_eq!(stripped[at + 4..at + 17], [&[1][..], &[0; 12]].concat(), "{wrong:?}");
        assert!(avifdec(stripped).image == expected, "the pixels differ");
    }
}
