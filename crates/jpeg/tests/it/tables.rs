//! Tests files whose tables are separate, as in TIFF.

use jpeg::{Decoder, Error, Options, Output};

use super::fixtures::{OPTIONS, bytes, parts, photo_jpeg, pixels, split_tables};

#[test]
fn separate_tables_are_used() {
    let jpeg = photo_jpeg((33, 17), |encoder| encoder.set_quality(40));
    let (tables, image) = split_tables(&jpeg);
    // Some writers omit the marker at the end of the tables.
    for tables in [&tables[..], &tables[..tables.len() - 2]] {
        let options = Options { tables: Some(tables), ..OPTIONS };
        let decoded = Decoder::open(&image, options).unwrap().decode(Output::Pixels).unwrap();
        assert_eq!(bytes(decoded), pixels(&jpeg));
    }
}

#[test]
fn truncated_tables_are_rejected() {
    let (tables, image) = split_tables(&photo_jpeg((33, 17), |_| {}));
    let ends: Vec<usize> = parts(&tables)
        .iter()
        .scan(0, |at, part| {
            *at += part.segment.len();
            Some(*at)
        })
        .collect();
    for end in 1..tables.len() - 2 {
        let opened = Decoder::open(&image, Options { tables: Some(&tables[..end]), ..OPTIONS });
        let decoded = opened.and_then(|decoder| decoder.decode(Output::Pixels));
        // Segments are missing, and perhaps there is half of a marker. libjpeg uses its own Huffman tables if the file
        // has none.
        if ends.contains(&end) || ends.contains(&(end - 1)) {
            continue;
        }
        assert!(matches!(decoded, Err(Error::Invalid(_))), "{end}: {decoded:?}");
    }
}

#[test]
fn tables_with_an_image_and_an_image_without_tables_are_rejected() {
    let jpeg = photo_jpeg((33, 17), |_| {});
    let (tables, image) = split_tables(&jpeg);
    let open = |tables| Decoder::open(&image, Options { tables, ..OPTIONS }).map(|_| ());
    assert_eq!(open(Some(&jpeg)).unwrap_err().to_string(), "the separate tables contain an image");
    let decoded = Decoder::open(&image, OPTIONS).unwrap().decode(Output::Pixels);
    assert_eq!(decoded.unwrap_err().to_string(), "Quantization table 0x00 was not defined");
    let swapped = Decoder::open(&tables, OPTIONS).map(|_| ());
    assert_eq!(swapped.unwrap_err().to_string(), "JPEG datastream contains no image");
}
