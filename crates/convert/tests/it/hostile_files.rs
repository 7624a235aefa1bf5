//! Tests files that need much time or memory, or that mislead a reader. Each file is either converted or rejected with
//! an error of one line.

use convert::{Error, OpenedImage, convert};
use image::{DynamicImage, ImageFormat};
use model::{Limits, Metadata, Recipe};

use crate::avif_tools::{convert_and_decode, convert_file, distance, recipe};
use crate::fixtures::{
    EmbeddedMetadata, cmyk_jpeg, cmyk_tiff, encode_image, encode_with_metadata, exif_with_orientation, gradient_image,
    with_png_chunks,
};

const WITH_EXIF: [ImageFormat; 3] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

fn small_image() -> DynamicImage {
    gradient_image(24, 18).into()
}

/// Checks that the first variants of two files have the same bytes.
fn assert_same_variant(file: &[u8], other: &[u8], what: &str) {
    let convert = |bytes| convert_file(bytes, &recipe()).unwrap_or_else(|error| unreachable!("{what}: {error}"));
    assert_eq!(convert(file).variants[0].bytes, convert(other).variants[0].bytes, "{what}");
}

/// Builds a little-endian TIFF from a header, one directory (TIFF 6.0, section 2) and the bytes in `rest`.
fn tiff(entries: &[(u16, u16, u32, u32)], next: u32, rest: &[u8]) -> Vec<u8> {
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend([&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value.to_le_bytes()].concat());
    }
    [&file[..], &next.to_le_bytes(), rest].concat()
}

const SHORT: u16 = 3;
const LONG: u16 = 4;

#[test]
fn truncated_file_is_rejected() {
    let image = DynamicImage::from(gradient_image(240, 180));
    let mut files: Vec<_> =
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp]
            .map(|format| (format!("{format:?}"), encode_image(&image, format)))
            .to_vec();
    files.push(("Gif".into(), encode_image(&image.to_rgba8().into(), ImageFormat::Gif)));
    files.push(("16 bits".into(), encode_image(&image.to_rgb16().into(), ImageFormat::Png)));
    files.push(("CMYK".into(), cmyk_jpeg(&vec![[10, 200, 30, 40]; 240 * 180], 240, 180, true, None)));
    files.push(("CMYK TIFF".into(), cmyk_tiff(&vec![[10, 200, 30, 40]; 240 * 180], 240, 180, b"none", 1)));
    files.push(("progressive".into(), progressive(&gradient_image(240, 180))));
    files.push(("AVIF".into(), convert_file(&files[0].1, &recipe()).unwrap().variants[0].bytes.to_vec()));
    for (name, whole) in files {
        let variant = convert_file(&whole, &recipe()).unwrap().variants.swap_remove(0).bytes;
        for sixteenths in 0..16 {
            let end = whole.len() * sixteenths / 16;
            // A truncated file may be converted only if it still contains the whole image, for example if only a
            // comment was removed.
            if let Ok(conversion) = convert_file(&whole[..end], &recipe()) {
                assert_eq!(conversion.variants[0].bytes, variant, "{sixteenths} sixteenths of a {name}");
            }
        }
    }
}

#[test]
fn malformed_exif_does_not_affect_the_image() {
    let plain = WITH_EXIF.map(|format| encode_with_metadata(&small_image(), format, EmbeddedMetadata::default()));
    let malformed = [
        ("next directory is itself", tiff(&[(0x10f, 2, 4, 0)], 8, b"")),
        ("Exif directory is the main one", tiff(&[(0x8769, LONG, 1, 8)], 0, b"")),
        ("counts beyond the end", tiff(&[(0x10f, 2, u32::MAX, u32::MAX), (0x112, SHORT, u32::MAX, 6)], 0, b"")),
        ("directory beyond the end", b"II*\0\xff\xff\xff\xff".to_vec()),
        ("directory in the header", b"MM\0*\0\0\0\0".to_vec()),
        ("65,535 declared entries, no stored entry", b"MM\0*\0\0\0\x08\xff\xff".to_vec()),
        ("empty", vec![]),
    ];
    let keep = Recipe { metadata: Metadata::Keep, ..recipe() };
    for (what, exif) in malformed {
        for (format, plain) in WITH_EXIF.into_iter().zip(&plain) {
            let file = encode_with_metadata(
                &small_image(),
                format,
                EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() },
            );
            assert_same_variant(&file, plain, what);
            assert!(convert_file(&file, &keep).is_ok(), "{what}, with metadata");
        }
    }
}

#[test]
fn profile_with_out_of_range_tags_is_reported_as_damaged() {
    const TAGS: usize = 128;
    let gray = DynamicImage::from(small_image().to_luma8());
    let out_of_range = |mut icc: Vec<u8>| {
        let count = u32::from_be_bytes(icc[TAGS..TAGS + 4].try_into().unwrap()) as usize;
        for tag in 0..count {
            let at = TAGS + 4 + 12 * tag + 4;
            icc[at..at + 8].copy_from_slice(b"\xff\xff\xff\xff\xff\xff\xff\xff");
        }
        icc
    };
    let too_many = |mut icc: Vec<u8>| {
        icc[TAGS..TAGS + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        icc
    };
    for damage in [&out_of_range as &dyn Fn(Vec<u8>) -> Vec<u8>, &too_many] {
        let (one_channel, three_channels) =
            (damage(crate::icc::gray(2.2)), damage(crate::icc::rgb(crate::icc::SRGB, 2.2)));
        let inks = damage(crate::icc::cmyk(|_| [50.0, 0.0, 0.0]));
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let file = encode_with_metadata(
                &gray,
                format,
                EmbeddedMetadata { icc: Some(&one_channel), ..EmbeddedMetadata::default() },
            );
            let notes = convert_file(&file, &recipe()).unwrap().notes;
            assert_eq!(notes, ["the ICC profile is damaged; the image was treated as sRGB"], "{format:?}");
            let file = encode_with_metadata(
                &small_image(),
                format,
                EmbeddedMetadata { icc: Some(&three_channels), ..EmbeddedMetadata::default() },
            );
            let notes = convert_file(&file, &recipe()).unwrap().notes;
            assert_eq!(notes, ["the ICC profile is damaged; the image was treated as sRGB"], "{format:?}");
            // Browsers do not show an AVIF with such a profile, so it is not copied with `Metadata::Keep` either.
            let kept = convert_file(&file, &Recipe { metadata: Metadata::Keep, ..recipe() }).unwrap().notes;
            assert_eq!(kept, notes, "{format:?}");
        }
        let notes =
            convert_file(&cmyk_jpeg(&[[10, 20, 30, 40]; 64], 8, 8, false, Some(&inks)), &recipe()).unwrap().notes;
        assert_eq!(notes[0], "the ICC profile is damaged or not for CMYK, and was omitted");
    }
}

#[test]
fn wrong_chunk_sizes_do_not_cause_a_panic() {
    let exif = exif_with_orientation(3);
    let webp = encode_with_metadata(
        &small_image(),
        ImageFormat::WebP,
        EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() },
    );
    let png = encode_with_metadata(
        &small_image(),
        ImageFormat::Png,
        EmbeddedMetadata { exif: Some(&exif), ..EmbeddedMetadata::default() },
    );
    for (file, big_endian) in [(webp, false), (png, true)] {
        for at in 0..file.len() - 4 {
            for wrong_size in [0, 1, u32::MAX - 1, u32::MAX, 1 << 31] {
                let mut file = file.clone();
                let size = if big_endian { wrong_size.to_be_bytes() } else { wrong_size.to_le_bytes() };
                file[at..at + 4].copy_from_slice(&size);
                let limits = Limits { pixels: 1 << 16, ..Limits::default() };
                if let Err(error) = OpenedImage::open(&file, &recipe(), &limits).and_then(OpenedImage::decode) {
                    assert!(!error.to_string().contains('\n'));
                }
            }
        }
    }
}

#[test]
fn compressed_text_is_not_inflated() {
    // The text is 64 MiB of zeros, compressed with zlib. The compressed bytes come from a PNG whose pixels are all
    // zero.
    let zeros = encode_image(&image::GrayImage::new(8192, 8192).into(), ImageFormat::Png);
    let at = zeros.windows(4).position(|window| window == b"IDAT").unwrap();
    let length = u32::from_be_bytes(zeros[at - 4..at].try_into().unwrap()) as usize;
    let deflated = &zeros[at + 4..at + 4 + length];
    let plain = encode_image(&small_image(), ImageFormat::Png);
    for (name, before) in
        [(b"zTXt", &b"Comment\0\0"[..]), (b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0"), (b"iTXt", b"Comment\0\x01\0\0\0")]
    {
        let inflating = with_png_chunks(&plain, &[(name, &[before, deflated].concat())]);
        assert_same_variant(&inflating, &plain, "a text that inflates");
    }
}

fn progressive(image: &image::RgbImage) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, 90);
    encoder.set_progressive(true);
    let (width, height) = (u16::try_from(image.width()).unwrap(), u16::try_from(image.height()).unwrap());
    encoder.encode(image.as_raw(), width, height, jpeg_encoder::ColorType::Rgb).unwrap();
    bytes
}

#[test]
fn thousands_of_jpeg_scans_are_rejected_and_thousands_of_jpeg_segments_are_accepted() {
    let plain = progressive(&gradient_image(24, 18));
    let scan = plain.windows(2).rposition(|window| window == b"\xff\xda").unwrap();
    let end = plain.len() - 2;
    let scans = [&plain[..end], &plain[scan..end].repeat(5000), &plain[end..]].concat();
    let error = convert_file(&scans, &recipe()).unwrap_err();
    assert!(matches!(&error, Error::Damaged { message, .. } if message.contains("scan")), "{error}");

    for segment in [&b"\xff\xef\0\x06abcd"[..], b"\xff\xe1\0\x0aExif\0\0II", b"\xff\xe2\0\x10ICC_PROFILE\0\xff\xff"] {
        let segments = [&plain[..2], &segment.repeat(10_000), &plain[2..]].concat();
        // The converter may choose different decoders for the two files. These decoders may round a level to different
        // values.
        let off = distance(&convert_and_decode(&segments).image, &convert_and_decode(&plain).image);
        assert!(off < 1.0, "ten thousand segments: off by {off}");
    }
}

#[test]
fn counting_frames_stops_at_the_limit() {
    let plain = encode_image(&small_image().to_rgba8().into(), ImageFormat::Gif);
    // The header, the logical screen descriptor and the color table precede the frame (GIF89a, sections 18 and 19).
    // Only the trailer, which is one byte, follows the frame.
    let colors = if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let (head, frame) = plain[..plain.len() - 1].split_at(13 + colors);
    let many = [head, &frame.repeat(100_000), b";"].concat();
    let error = OpenedImage::open(&many, &recipe(), &Limits::default()).err().unwrap();
    assert!(matches!(error, Error::TooManyFrames { frames: 30_518, .. }), "{error}");
}

#[test]
fn malformed_tiff_directory_is_rejected_with_one_line() {
    let image_tags = [(256, LONG, 1, 8), (257, LONG, 1, 8), (258, SHORT, 1, 8), (259, SHORT, 1, 1), (262, SHORT, 1, 1)];
    let with = |more: &[(u16, u16, u32, u32)], next| tiff(&[&image_tags[..], more].concat(), next, &[7; 64]);
    let table = |offsets, offset, rows, counts, length| {
        [(273, LONG, offsets, offset), (278, LONG, 1, rows), (279, LONG, counts, length)]
    };
    let strips = |offsets, offset, rows, counts, length| with(&table(offsets, offset, rows, counts, length), 0);
    // The directory has eight entries of 12 bytes, so it ends at byte 8 + 2 + 96 + 4. The pixels start at this byte.
    assert!(convert_file(&strips(1, 110, 8, 1, 64), &recipe()).is_ok());
    assert!(
        convert_file(&strips(1, 110, 8, 1, u32::MAX), &recipe()).is_ok(),
        "the decoder should read only the bytes of the declared pixels"
    );
    for (what, file) in [
        ("a table of two thousand million strips", strips(1 << 31, 110, 8, 1 << 31, 110)),
        ("strips beyond the end", strips(1, u32::MAX, 8, 1, 64)),
        ("no rows in a strip", strips(1, 110, 0, 1, 64)),
        ("no strips", strips(0, 0, 8, 0, 0)),
        ("no strips at all", with(&[], 0)),
    ] {
        match convert_file(&file, &recipe()) {
            Ok(_) => unreachable!("{what} was accepted"),
            Err(error) => assert!(!error.to_string().contains('\n'), "{what}: {error}"),
        }
    }
}

#[test]
fn bmp_with_an_invalid_width_or_height_is_rejected() {
    let plain = encode_image(&small_image(), ImageFormat::Bmp);
    let sized = |width: i32, height: i32| {
        let mut file = plain.clone();
        file[18..22].copy_from_slice(&width.to_le_bytes());
        file[22..26].copy_from_slice(&height.to_le_bytes());
        file
    };
    assert!(
        convert_file(&sized(24, -18), &recipe()).is_ok(),
        "a negative height means that rows are stored from top to bottom"
    );
    for (width, height) in [(-24, 18), (24, i32::MIN), (i32::MIN, i32::MIN), (i32::MAX, -1), (0, 18), (24, 0)] {
        let error = convert_file(&sized(width, height), &recipe()).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn memory_estimate_does_not_overflow() {
    // The image has 2^62 pixels of four bytes each. The pixels need 2^64 bytes, which overflows a 64-bit number to 0.
    let side = 1 << 31;
    let image_tags =
        [(256, LONG, 1, side), (257, LONG, 1, side), (258, SHORT, 4, 134), (259, SHORT, 1, 1), (262, SHORT, 1, 2)];
    let strip = [(273, LONG, 1, 8), (277, SHORT, 1, 4), (278, LONG, 1, side), (279, LONG, 1, side), (338, SHORT, 1, 2)];
    // The bit depths of the four channels follow the ten entries of the directory.
    let tiff = tiff(&[&image_tags[..], &strip].concat(), 0, &[8, 0, 8, 0, 8, 0, 8, 0]);
    let recipe = Recipe { sizes: "1".parse().unwrap(), ..recipe() };
    let limits = Limits { pixels: u64::MAX, ..Limits::default() };
    let error = convert(&tiff, &recipe, &limits, std::num::NonZeroUsize::MIN).unwrap_err();
    assert!(matches!(error, Error::TooMuchMemory { .. }), "{error}");
}

fn keep_metadata() -> Recipe {
    Recipe { metadata: Metadata::Keep, ..recipe() }
}

fn damage_message(file: &[u8]) -> String {
    match OpenedImage::open(file, &recipe(), &Limits::default()) {
        Err(Error::Damaged { message, .. }) => message,
        Err(error) => unreachable!("{error}"),
        Ok(_) => unreachable!("the file was accepted"),
    }
}

fn notes(file: &[u8], recipe: &Recipe) -> Vec<String> {
    convert_file(file, recipe).unwrap().notes
}

const XMP: &[u8] =
    br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="1" dc:creator="me"/></x:xmpmeta>"#;

#[test]
fn png_texts_of_any_number_and_size_are_ignored() {
    let plain = encode_image(&small_image(), ImageFormat::Png);
    let large = vec![b'a'; 17 << 20];
    let text = [b"Comment\0", &large[..]].concat();
    assert_same_variant(&with_png_chunks(&plain, &[(b"tEXt", &text)]), &plain, "a large text");
    assert_same_variant(&with_png_chunks(&plain, &vec![(b"tEXt", &b"a\0"[..]); 100_000]), &plain, "many texts");
    let xmp = [b"XML:com.adobe.xmp\0\0\0\0\0", &large[..]].concat();
    let large = with_png_chunks(&plain, &[(b"iTXt", &xmp)]);
    assert_same_variant(&large, &plain, "a large XMP packet");
    assert_eq!(notes(&large, &keep_metadata()), ["its XMP was omitted: it is damaged or over 16 MiB"]);
}

#[test]
fn png_xmp_is_kept_at_any_position_and_in_compressed_form() {
    let plain = encode_image(&small_image(), ImageFormat::Png);
    let keeps_xmp = |file: &[u8]| {
        convert_file(file, &keep_metadata()).unwrap().variants[0].bytes.windows(XMP.len()).any(|part| part == XMP)
    };
    let raw = [b"XML:com.adobe.xmp\0\0\0\0\0", XMP].concat();
    let before = with_png_chunks(&plain, &[(b"iTXt", &raw)]);
    assert!(keeps_xmp(&before));
    let chunk = &before[33..before.len() - plain.len() + 33];
    let end = plain.len() - 12;
    assert!(keeps_xmp(&[&plain[..end], chunk, &plain[end..]].concat()), "after the pixels");
    let mut inflating = vec![];
    let mut encoder = png::Encoder::new(&mut inflating, 1, 1);
    let mut text = png::text_metadata::ITXtChunk::new("XML:com.adobe.xmp", std::str::from_utf8(XMP).unwrap());
    text.compressed = true;
    encoder.add_itxt_chunk(text.keyword.clone(), text.get_text().unwrap()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_text_chunk(&text).unwrap();
    writer.write_image_data(&[0]).unwrap();
    drop(writer);
    assert!(keeps_xmp(&inflating), "compressed");
}

#[test]
fn jpeg_with_many_or_large_segments_is_converted() {
    let plain = encode_image(&small_image(), ImageFormat::Jpeg);
    let with = |segment: &[u8], times: usize| [&plain[..2], &segment.repeat(times), &plain[2..]].concat();
    let segment = |marker: u8, data: &[u8]| {
        [&[0xff, marker], &u16::try_from(data.len() + 2).unwrap().to_be_bytes()[..], data].concat()
    };
    let icc = segment(0xe2, &[b"ICC_PROFILE\0\x01\xff", &vec![0; 65_000][..]].concat());
    // A profile can have at most 255 segments. These files have more profile segments, so the profile is damaged.
    let damaged_profile = ["the ICC profile is damaged; the image was treated as sRGB"];
    assert_eq!(notes(&with(&icc, 300), &recipe()), damaged_profile);
    assert_eq!(notes(&with(&[&icc, &b"stray"[..]].concat(), 600), &recipe()), damaged_profile);
    let extension = segment(0xe1, &[b"http://ns.adobe.com/xmp/extension/\0", &[b'0'; 36][..], b"\0\0\0\x01a"].concat());
    let others = [(extension, 5_000), (segment(0xfe, b""), 1_000_000), (b"\xff\xd0".to_vec(), 1_000)];
    for (segment, times) in others {
        assert_same_variant(&with(&segment, times), &plain, &format!("{times} segments {segment:02x?}"));
    }
}

#[test]
fn number_of_jpeg_scans_is_limited_and_increases_the_time_estimate() {
    let plain = progressive(&gradient_image(240, 180));
    let scan = plain.windows(2).rposition(|window| window == b"\xff\xda").unwrap();
    let end = plain.len() - 2;
    let scans = |more: usize| [&plain[..end], &plain[scan..end].repeat(more), &plain[end..]].concat();
    let error = convert_file(&scans(64), &recipe()).unwrap_err().to_string();
    assert_eq!(error, "damaged JPEG: it has over 64 scans, which is the limit");
    let pixels = |file: &[u8]| OpenedImage::open(file, &recipe(), &Limits::default()).unwrap().encoded_pixels();
    // The estimate counts each additional scan as the time of encoding 1/200 of the pixels.
    let passes = pixels(&scans(50)) - pixels(&plain);
    assert_eq!(passes, 50 * 240 * 180 / 200);
}

#[test]
fn tiff_with_millions_of_strips_is_rejected() {
    // The file has one strip for each row. Each row has two pixels.
    const ROWS: u32 = 3_000_000;
    let image_tags =
        [(256, LONG, 1, 2), (257, LONG, 1, ROWS), (258, SHORT, 1, 8), (259, SHORT, 1, 1), (262, SHORT, 1, 1)];
    let strips = [(273, LONG, ROWS, 110), (278, LONG, 1, 1), (279, LONG, ROWS, 110)];
    let file = tiff(&[&image_tags[..], &strips].concat(), 0, &vec![0; 4 * ROWS as usize]);
    assert_eq!(damage_message(&file), "the tables of its strips or tiles are over 8 MiB");
    // The tables are longer than the file.
    let strips = [(273, LONG, u32::MAX, 110), (278, LONG, 1, 1), (279, LONG, u32::MAX, 110)];
    let message = damage_message(&tiff(&[&image_tags[..], &strips].concat(), 0, &[0; 64]));
    assert_eq!(message, "the tables of its strips or tiles are over 8 MiB");
}

#[test]
fn unreadable_tiff_profile_is_reported() {
    let image_tags = [(256, LONG, 1, 8), (257, LONG, 1, 8), (258, SHORT, 1, 8), (259, SHORT, 1, 1), (262, SHORT, 1, 1)];
    let strip = [(273, LONG, 1, 122), (278, LONG, 1, 8), (279, LONG, 1, 64), (34_675, 7, 1 << 20, 1 << 30)];
    let file = tiff(&[&image_tags[..], &strip].concat(), 0, &[7; 64]);
    assert_eq!(notes(&file, &recipe()), ["the ICC profile is damaged; the image was treated as sRGB"]);
}

/// Builds an extended WebP with these chunks (WebP container specification, "Extended File Format").
fn extended_webp(flags: u8, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let still = encode_image(&small_image(), ImageFormat::WebP);
    let header = [flags, 0, 0, 0, 23, 0, 0, 17, 0, 0];
    let mut body = b"WEBP".to_vec();
    for (name, data) in [&[(b"VP8X", &header[..])], chunks].concat() {
        body.extend([&name[..], &u32::try_from(data.len()).unwrap().to_le_bytes(), data].concat());
        body.resize(body.len().next_multiple_of(2), 0);
    }
    body.extend(&still[12..]);
    [b"RIFF", &u32::try_from(body.len()).unwrap().to_le_bytes()[..], &body].concat()
}

#[test]
fn size_of_webp_metadata_is_limited_and_increases_the_memory_estimate() {
    let large = vec![b'a'; 17 << 20];
    let file = extended_webp(0x2c, &[(b"ICCP", &large), (b"EXIF", &large), (b"XMP ", &large)]);
    assert_eq!(notes(&file, &recipe()), ["the ICC profile is damaged; the image was treated as sRGB"]);
    let kept = notes(&file, &keep_metadata());
    assert!(kept[0].starts_with("its Exif was omitted") && kept[1].starts_with("its XMP was omitted"), "{kept:?}");
    // The estimate counts 15 MiB four times: for the file, for the Exif that is read, and for a copy of the Exif in
    // each encoder. It adds the 40 MiB of the program.
    let file = extended_webp(0x08, &[(b"EXIF", &large[..15 << 20])]);
    let open = |recipe: &Recipe| {
        let limits = Limits { memory: 90 << 20, ..Limits::default() };
        OpenedImage::open(&file, recipe, &limits).map(|_| ())
    };
    assert!(open(&recipe()).is_ok());
    assert!(matches!(open(&keep_metadata()), Err(Error::TooMuchMemory { .. })));
}

#[test]
fn lossless_webp_with_large_prefix_code_tables_is_rejected() {
    // The image has 8x8 pixels, which all use the same group of prefix codes. The stream declares 65,536 groups, of
    // which only the last group is used. The codes of the groups follow (WebP lossless bitstream specification, 5.2.3
    // and 6.2). Each code has 11 symbols, which are encoded with up to ten bits.
    let number = |number: u32, count: usize| (0..count).map(move |bit| number >> bit & 1 == 1);
    let one = |symbol: u32| number(0b101, 3).chain(number(symbol, 8));
    let mut bits: Vec<bool> = number(0x2f, 8).chain(number(7, 14)).chain(number(7, 14)).chain(number(0, 4)).collect();
    bits.extend(number(0, 2).chain(number(1, 4)).chain(number(0, 1)).chain(one(255)).chain(one(255)));
    bits.extend(one(0).chain(one(0)).chain(one(0)));
    let lengths = [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4].into_iter().flat_map(|length| number(length, 3));
    let mut code: Vec<bool> =
        number(0, 1).chain(number(10, 4)).chain(lengths).chain(number(3, 4)).chain(number(9, 4)).collect();
    let symbols = (0..6).map(|at| (at, 3)).chain([12, 13, 14, 15, 15].map(|at| (at, 4)));
    for (symbol, count) in symbols {
        code.extend(number(symbol, count).collect::<Vec<_>>().into_iter().rev());
    }
    let webp = |groups: usize| {
        let bits = [bits.clone(), code.repeat(5 * groups), vec![false; 8 * 8 * 60]].concat();
        let stream: Vec<u8> =
            bits.chunks(8).map(|bits| bits.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect();
        let length = u32::try_from(stream.len()).unwrap();
        let stream = [&b"VP8L"[..], &length.to_le_bytes(), &stream].concat();
        [b"RIFF", &(length + 12).to_le_bytes()[..], b"WEBP", &stream].concat()
    };
    assert_eq!(damage_message(&webp(8_000)), "the tables of its prefix codes are over 128 MiB");
    // The test truncates the file, because a decoder would decode a truncated file up to its end.
    assert_eq!(damage_message(&webp(8_000)[..400_000]), "the tables of its prefix codes are over 128 MiB");
    assert_eq!(damage_message(&webp(100)), "its prefix codes cannot be read");
}
