//! Files made to cost much, or to lead a reader astray: each is a picture all the same, or one line that says why not.

use std::io::Cursor;

use convert::{Error, OpenedImage, convert};
use image::{DynamicImage, ImageFormat};
use model::{Limits, Metadata, Recipe};

use crate::look::{converted, distance, recipe, run};
use crate::source::{Extras, cmyk_jpeg, cmyk_tiff, exif, file, file_with, picture, with_chunks};

const WITH_EXIF: [ImageFormat; 3] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP];

fn small() -> DynamicImage {
    picture(24, 18).into()
}

/// What becomes of a file is what becomes of the other.
fn assert_same(file: &[u8], other: &[u8], what: &str) {
    let made = |bytes| run(bytes, &recipe()).unwrap_or_else(|error| unreachable!("{what}: {error}"));
    assert_eq!(made(file).variants[0].bytes, made(other).variants[0].bytes, "{what}");
}

/// Little-endian TIFF with one directory (TIFF 6.0, section 2), and what follows it.
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
fn a_file_cut_short_is_refused_wherever_it_is_cut() {
    let image = DynamicImage::from(picture(240, 180));
    let mut files: Vec<_> =
        [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff, ImageFormat::Bmp]
            .map(|format| (format!("{format:?}"), file(&image, format)))
            .to_vec();
    files.push(("Gif".into(), file(&image.to_rgba8().into(), ImageFormat::Gif)));
    files.push(("16 bits".into(), file(&image.to_rgb16().into(), ImageFormat::Png)));
    files.push(("CMYK".into(), cmyk_jpeg(&vec![[10, 200, 30, 40]; 240 * 180], 240, 180, true, None)));
    files.push(("CMYK TIFF".into(), cmyk_tiff(&vec![[10, 200, 30, 40]; 240 * 180], 240, 180, b"none", 1)));
    files.push(("progressive".into(), progressive(&picture(240, 180))));
    files.push(("AVIF".into(), run(&files[0].1, &recipe()).unwrap().variants[0].bytes.to_vec()));
    for (name, whole) in files {
        let made = run(&whole, &recipe()).unwrap().variants.swap_remove(0).bytes;
        for sixteenths in 0..16 {
            let end = whole.len() * sixteenths / 16;
            // Nothing but the whole picture: what is cut off may be a comment.
            if let Ok(conversion) = run(&whole[..end], &recipe()) {
                assert_eq!(conversion.variants[0].bytes, made, "{sixteenths} sixteenths of a {name}");
            }
        }
    }
}

#[test]
fn exif_that_leads_in_circles_or_lies_about_its_size_costs_no_picture() {
    let plain = WITH_EXIF.map(|format| file_with(&small(), format, Extras::default()));
    let liars = [
        ("next directory is itself", tiff(&[(0x10f, 2, 4, 0)], 8, b"")),
        ("Exif directory is the main one", tiff(&[(0x8769, LONG, 1, 8)], 0, b"")),
        ("counts beyond the end", tiff(&[(0x10f, 2, u32::MAX, u32::MAX), (0x112, SHORT, u32::MAX, 6)], 0, b"")),
        ("directory beyond the end", b"II*\0\xff\xff\xff\xff".to_vec()),
        ("directory in the header", b"MM\0*\0\0\0\0".to_vec()),
        ("65,535 entries, none there", b"MM\0*\0\0\0\x08\xff\xff".to_vec()),
        ("empty", vec![]),
    ];
    let keep = Recipe { metadata: Metadata::Keep, ..recipe() };
    for (what, exif) in liars {
        for (format, plain) in WITH_EXIF.into_iter().zip(&plain) {
            let file = file_with(&small(), format, Extras { exif: Some(&exif), ..Extras::default() });
            assert_same(&file, plain, what);
            assert!(run(&file, &keep).is_ok(), "{what}, kept");
        }
    }
}

#[test]
fn a_profile_whose_tags_lie_about_their_place_costs_no_picture() {
    const TAGS: usize = 128;
    let gray = DynamicImage::from(small().to_luma8());
    let lies = |mut icc: Vec<u8>| {
        let count = u32::from_be_bytes(icc[TAGS..TAGS + 4].try_into().unwrap()) as usize;
        for tag in 0..count {
            let at = TAGS + 4 + 12 * tag + 4;
            icc[at..at + 8].copy_from_slice(b"\xff\xff\xff\xff\xff\xff\xff\xff");
        }
        icc
    };
    let many = |mut icc: Vec<u8>| {
        icc[TAGS..TAGS + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        icc
    };
    for lie in [&lies as &dyn Fn(Vec<u8>) -> Vec<u8>, &many] {
        let (one_channel, three_channels) = (lie(crate::icc::gray(2.2)), lie(crate::icc::rgb(crate::icc::SRGB, 2.2)));
        let inks = lie(crate::icc::cmyk(|_| [50.0, 0.0, 0.0]));
        for format in [ImageFormat::Jpeg, ImageFormat::Png] {
            let file = file_with(&gray, format, Extras { icc: Some(&one_channel), ..Extras::default() });
            let notes = run(&file, &recipe()).unwrap().notes;
            assert_eq!(notes, ["the ICC profile is damaged; the image was treated as sRGB"], "{format:?}");
            let file = file_with(&small(), format, Extras { icc: Some(&three_channels), ..Extras::default() });
            let notes = run(&file, &recipe()).unwrap().notes;
            assert_eq!(notes, ["the ICC profile is damaged; the image was treated as sRGB"], "{format:?}");
            // Where metadata is kept, one for pixels with color travels as it is, to be judged by the viewer.
            assert!(run(&file, &Recipe { metadata: Metadata::Keep, ..recipe() }).unwrap().notes.is_empty());
        }
        let notes = run(&cmyk_jpeg(&[[10, 20, 30, 40]; 64], 8, 8, false, Some(&inks)), &recipe()).unwrap().notes;
        assert_eq!(notes[0], "the ICC profile is damaged or not for CMYK, and was omitted");
    }
}

#[test]
fn chunks_that_lie_about_their_size_are_survived() {
    let exif = exif(3);
    let webp = file_with(&small(), ImageFormat::WebP, Extras { exif: Some(&exif), ..Extras::default() });
    let png = file_with(&small(), ImageFormat::Png, Extras { exif: Some(&exif), ..Extras::default() });
    for (file, big_endian) in [(webp, false), (png, true)] {
        for at in 0..file.len() - 4 {
            for lie in [0, 1, u32::MAX - 1, u32::MAX, 1 << 31] {
                let mut file = file.clone();
                let size = if big_endian { lie.to_be_bytes() } else { lie.to_le_bytes() };
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
fn text_that_inflates_without_end_is_not_read() {
    // 64 MiB of zeros, deflated by the encoder of a picture that is nothing else.
    let zeros = file(&image::GrayImage::new(8192, 8192).into(), ImageFormat::Png);
    let at = zeros.windows(4).position(|window| window == b"IDAT").unwrap();
    let length = u32::from_be_bytes(zeros[at - 4..at].try_into().unwrap()) as usize;
    let deflated = &zeros[at + 4..at + 4 + length];
    let plain = file(&small(), ImageFormat::Png);
    for (name, before) in
        [(b"zTXt", &b"Comment\0\0"[..]), (b"iTXt", b"XML:com.adobe.xmp\0\x01\0\0\0"), (b"iTXt", b"Comment\0\x01\0\0\0")]
    {
        let bomb = with_chunks(&plain, &[(name, &[before, deflated].concat())]);
        assert_same(&bomb, &plain, "an inflating text");
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
fn thousands_of_scans_are_refused_and_thousands_of_segments_are_passed_over() {
    let plain = progressive(&picture(24, 18));
    let scan = plain.windows(2).rposition(|window| window == b"\xff\xda").unwrap();
    let end = plain.len() - 2;
    let scans = [&plain[..end], &plain[scan..end].repeat(5000), &plain[end..]].concat();
    let error = run(&scans, &recipe()).unwrap_err();
    assert!(matches!(&error, Error::Damaged { message, .. } if message.contains("scan")), "{error}");

    for segment in [&b"\xff\xef\0\x06abcd"[..], b"\xff\xe1\0\x0aExif\0\0II", b"\xff\xe2\0\x10ICC_PROFILE\0\xff\xff"] {
        let segments = [&plain[..2], &segment.repeat(10_000), &plain[2..]].concat();
        // One decoder or the other takes them, and each rounds in its own way.
        let off = distance(&converted(&segments).image, &converted(&plain).image);
        assert!(off < 1.0, "ten thousand segments: off by {off}");
    }
}

#[test]
fn a_hundred_thousand_frames_are_refused_uncounted() {
    let plain = file(&small().to_rgba8().into(), ImageFormat::Gif);
    // Before the frame stand the header, the screen's descriptor and its colors (GIF89a, 18 and 19); behind it a byte.
    let colors = if plain[10] & 0x80 == 0 { 0 } else { 3 << ((plain[10] & 7) + 1) };
    let (head, frame) = plain[..plain.len() - 1].split_at(13 + colors);
    let many = [head, &frame.repeat(100_000), b";"].concat();
    let error = OpenedImage::open(&many, &recipe(), &Limits::default()).err().unwrap();
    assert!(matches!(error, Error::TooManyFrames { frames: 30_518, .. }), "{error}");
}

#[test]
fn a_tiff_whose_directory_lies_is_refused_in_one_line() {
    let described = [(256, LONG, 1, 8), (257, LONG, 1, 8), (258, SHORT, 1, 8), (259, SHORT, 1, 1), (262, SHORT, 1, 1)];
    let with = |more: &[(u16, u16, u32, u32)], next| tiff(&[&described[..], more].concat(), next, &[7; 64]);
    let table = |offsets, offset, rows, counts, length| {
        [(273, LONG, offsets, offset), (278, LONG, 1, rows), (279, LONG, counts, length)]
    };
    let strips = |offsets, offset, rows, counts, length| with(&table(offsets, offset, rows, counts, length), 0);
    // Eight entries end at 8 + 2 + 96 + 4; there the pixels begin.
    assert!(run(&strips(1, 110, 8, 1, 64), &recipe()).is_ok());
    assert!(
        run(&strips(1, 110, 8, 1, u32::MAX), &recipe()).is_ok(),
        "no more of a strip is read than there are pixels"
    );
    for (what, file) in [
        ("a table of two thousand million strips", strips(1 << 31, 110, 8, 1 << 31, 110)),
        ("strips beyond the end", strips(1, u32::MAX, 8, 1, 64)),
        ("no rows in a strip", strips(1, 110, 0, 1, 64)),
        ("no strips", strips(0, 0, 8, 0, 0)),
        ("no strips at all", with(&[], 0)),
        ("a directory that follows itself", with(&table(1, 110, 8, 1, 64), 8)),
    ] {
        match run(&file, &recipe()) {
            Ok(_) => unreachable!("{what} passed"),
            Err(error) => assert!(!error.to_string().contains('\n'), "{what}: {error}"),
        }
    }
}

#[test]
fn a_bitmap_of_negative_size_is_refused_or_upside_down() {
    let plain = file(&small(), ImageFormat::Bmp);
    let sized = |width: i32, height: i32| {
        let mut file = plain.clone();
        file[18..22].copy_from_slice(&width.to_le_bytes());
        file[22..26].copy_from_slice(&height.to_le_bytes());
        file
    };
    assert!(run(&sized(24, -18), &recipe()).is_ok(), "rows from the top down are no damage");
    for (width, height) in [(-24, 18), (24, i32::MIN), (i32::MIN, i32::MIN), (i32::MAX, -1), (0, 18), (24, 0)] {
        let error = run(&sized(width, height), &recipe()).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    }
}

#[test]
fn a_limit_without_end_is_held_without_overflow() {
    // Two to the power of 62 pixels of four bytes: the raster is just one more than 64 bits count, which would be none.
    let side = 1 << 31;
    let described =
        [(256, LONG, 1, side), (257, LONG, 1, side), (258, SHORT, 4, 134), (259, SHORT, 1, 1), (262, SHORT, 1, 2)];
    let strip = [(273, LONG, 1, 8), (277, SHORT, 1, 4), (278, LONG, 1, side), (279, LONG, 1, side), (338, SHORT, 1, 2)];
    // The four depths lie behind the ten entries.
    let tiff = tiff(&[&described[..], &strip].concat(), 0, &[8, 0, 8, 0, 8, 0, 8, 0]);
    let recipe = Recipe { widths: "1".parse().unwrap(), ..recipe() };
    let limits = Limits { pixels: u64::MAX, ..Limits::default() };
    let error = convert(&tiff, &recipe, &limits, std::num::NonZeroUsize::MIN).unwrap_err();
    assert!(matches!(error, Error::TooMuchMemory { .. }), "{error}");
}

#[test]
fn a_frame_larger_than_its_screen_is_no_way_around_the_limits() {
    let mut gif = Cursor::new(vec![]);
    image::RgbaImage::new(4000, 4000).write_to(&mut gif, ImageFormat::Gif).unwrap();
    let mut gif = gif.into_inner();
    gif[6..10].copy_from_slice(&[24, 0, 18, 0]);
    let error = run(&gif, &recipe()).unwrap_err();
    assert!(matches!(&error, Error::Damaged { message, .. } if message.starts_with("it asks for too much")), "{error}");
}

fn keep() -> Recipe {
    Recipe { metadata: Metadata::Keep, ..recipe() }
}

fn damage(file: &[u8]) -> String {
    match OpenedImage::open(file, &recipe(), &Limits::default()) {
        Err(Error::Damaged { message, .. }) => message,
        Err(error) => unreachable!("{error}"),
        Ok(_) => unreachable!("it passed"),
    }
}

fn notes(file: &[u8], recipe: &Recipe) -> Vec<String> {
    run(file, recipe).unwrap().notes
}

const XMP: &[u8] =
    br#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="1" dc:creator="me"/></x:xmpmeta>"#;

#[test]
fn texts_of_a_png_are_passed_over_whatever_their_number_and_size() {
    let plain = file(&small(), ImageFormat::Png);
    let large = vec![b'a'; 17 << 20];
    let text = [b"Comment\0", &large[..]].concat();
    assert_same(&with_chunks(&plain, &[(b"tEXt", &text)]), &plain, "a large text");
    assert_same(&with_chunks(&plain, &vec![(b"tEXt", &b"a\0"[..]); 100_000]), &plain, "many texts");
    let xmp = [b"XML:com.adobe.xmp\0\0\0\0\0", &large[..]].concat();
    let large = with_chunks(&plain, &[(b"iTXt", &xmp)]);
    assert_same(&large, &plain, "a large XMP packet");
    assert_eq!(notes(&large, &keep()), ["its XMP was omitted: it is damaged or over 16 MiB"]);
}

#[test]
fn xmp_of_a_png_is_kept_before_and_after_the_pixels_and_inflated() {
    let plain = file(&small(), ImageFormat::Png);
    let holds = |file: &[u8]| run(file, &keep()).unwrap().variants[0].bytes.windows(XMP.len()).any(|part| part == XMP);
    let raw = [b"XML:com.adobe.xmp\0\0\0\0\0", XMP].concat();
    let before = with_chunks(&plain, &[(b"iTXt", &raw)]);
    assert!(holds(&before));
    let chunk = &before[33..before.len() - plain.len() + 33];
    let end = plain.len() - 12;
    assert!(holds(&[&plain[..end], chunk, &plain[end..]].concat()), "after the pixels");
    let mut inflating = vec![];
    let mut encoder = png::Encoder::new(&mut inflating, 1, 1);
    let mut text = png::text_metadata::ITXtChunk::new("XML:com.adobe.xmp", std::str::from_utf8(XMP).unwrap());
    text.compressed = true;
    encoder.add_itxt_chunk(text.keyword.clone(), text.get_text().unwrap()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_text_chunk(&text).unwrap();
    writer.write_image_data(&[0]).unwrap();
    drop(writer);
    assert!(holds(&inflating), "deflated");
}

#[test]
fn a_jpeg_is_refused_by_the_number_and_size_of_its_segments() {
    let plain = file(&small(), ImageFormat::Jpeg);
    let with = |segment: &[u8], times: usize| [&plain[..2], &segment.repeat(times), &plain[2..]].concat();
    let segment = |marker: u8, data: &[u8]| {
        [&[0xff, marker], &u16::try_from(data.len() + 2).unwrap().to_be_bytes()[..], data].concat()
    };
    let icc = segment(0xe2, &[b"ICC_PROFILE\0\x01\xff", &vec![0; 65_000][..]].concat());
    // More than a profile can have, which is a damaged one.
    assert_eq!(notes(&with(&icc, 300), &recipe()), ["the ICC profile is damaged; the image was treated as sRGB"]);
    let message = damage(&with(&icc, 600));
    assert!(message.contains("first 516 segments") && message.contains("32 MiB"), "{message}");
    // Each further segment would be held against all of these.
    let extension = segment(0xe1, &[b"http://ns.adobe.com/xmp/extension/\0", &[b'0'; 36][..], b"\0\0\0\x01a"].concat());
    assert!(run(&with(&extension, 500), &recipe()).is_ok());
    assert_eq!(damage(&with(&extension, 513)), "it has over 512 segments of extended XMP, which is the limit");
    let comment = segment(0xfe, b"");
    assert!(run(&with(&comment, 90_000), &recipe()).is_ok());
    assert_eq!(damage(&with(&comment, 100_001)), "it has over 100000 segments, which is the limit");
    // After it, one decoder reads a length, and the other does not.
    assert_eq!(damage(&with(b"\xff\xd0", 1)), "a marker D0 out of place");
    // Where the segments stand is no matter, nor what stands between them.
    let stray = [&icc, &b"stray"[..]].concat();
    assert!(damage(&with(&stray, 600)).contains("32 MiB"));
}

#[test]
fn scans_are_counted_before_they_are_decoded_and_cost_time() {
    let plain = progressive(&picture(240, 180));
    let scan = plain.windows(2).rposition(|window| window == b"\xff\xda").unwrap();
    let end = plain.len() - 2;
    let scans = |more: usize| [&plain[..end], &plain[scan..end].repeat(more), &plain[end..]].concat();
    assert_eq!(damage(&scans(64)), "it has over 64 scans, which is the limit");
    let pixels = |file: &[u8]| OpenedImage::open(file, &recipe(), &Limits::default()).unwrap().encoded_pixels();
    // A walk over the picture takes as long as encoding a 200th of it.
    let walks = pixels(&scans(50)) - pixels(&plain);
    assert_eq!(walks, 50 * 240 * 180 / 200);
}

#[test]
fn tables_of_millions_of_strips_are_refused_unread() {
    // As many strips as there are rows, a row of two pixels.
    const ROWS: u32 = 3_000_000;
    let described =
        [(256, LONG, 1, 2), (257, LONG, 1, ROWS), (258, SHORT, 1, 8), (259, SHORT, 1, 1), (262, SHORT, 1, 1)];
    let strips = [(273, LONG, ROWS, 110), (278, LONG, 1, 1), (279, LONG, ROWS, 110)];
    let file = tiff(&[&described[..], &strips].concat(), 0, &vec![0; 4 * ROWS as usize]);
    assert_eq!(damage(&file), "the tables of its strips or tiles are over 8 MiB");
    let strips = [(273, LONG, ROWS * 4, 110), (278, LONG, 1, 1), (279, LONG, ROWS * 4, 110)];
    let message = damage(&tiff(&[&described[..], &strips].concat(), 0, &vec![0; 16 * ROWS as usize]));
    assert!(message.contains("millions of entries"), "{message}");
}

#[test]
fn a_profile_of_a_tiff_that_cannot_be_read_is_noted() {
    let described = [(256, LONG, 1, 8), (257, LONG, 1, 8), (258, SHORT, 1, 8), (259, SHORT, 1, 1), (262, SHORT, 1, 1)];
    let strip = [(273, LONG, 1, 122), (278, LONG, 1, 8), (279, LONG, 1, 64), (34_675, 7, 1 << 20, 1 << 30)];
    let file = tiff(&[&described[..], &strip].concat(), 0, &[7; 64]);
    assert_eq!(notes(&file, &recipe()), ["the ICC profile is damaged; the image was treated as sRGB"]);
}

/// An extended WebP of these chunks (WebP container specification, "Extended File Format").
fn extended_webp(flags: u8, chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let still = file(&small(), ImageFormat::WebP);
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
fn metadata_of_a_webp_is_bounded_and_counts_as_memory() {
    let large = vec![b'a'; 17 << 20];
    let file = extended_webp(0x2c, &[(b"ICCP", &large), (b"EXIF", &large), (b"XMP ", &large)]);
    assert_eq!(notes(&file, &recipe()), ["the ICC profile is damaged; the image was treated as sRGB"]);
    let kept = notes(&file, &keep());
    assert!(kept[0].starts_with("its Exif was omitted") && kept[1].starts_with("its XMP was omitted"), "{kept:?}");
    // The file, what is read of it, and a copy in each encoder: 4 of 15 MiB, beside the 40 of the program.
    let file = extended_webp(0x08, &[(b"EXIF", &large[..15 << 20])]);
    let open = |recipe: &Recipe| {
        let limits = Limits { memory: 90 << 20, ..Limits::default() };
        OpenedImage::open(&file, recipe, &limits).map(|_| ())
    };
    assert!(open(&recipe()).is_ok());
    assert!(matches!(open(&keep()), Err(Error::TooMuchMemory { .. })));
}

#[test]
fn a_lossless_webp_is_refused_by_the_tables_of_its_codes() {
    // 8x8 pixels of one group; 65,536 groups, of which the last one is used; then their codes (WebP lossless bitstream
    // specification, 5.2.3 and 6.2), each of 11 symbols of up to ten bits.
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
    assert_eq!(damage(&webp(8_000)), "the tables of its prefix codes are over 128 MiB");
    // Cut short, they would be read as far as they go.
    assert_eq!(damage(&webp(8_000)[..400_000]), "the tables of its prefix codes are over 128 MiB");
    assert_eq!(damage(&webp(100)), "its prefix codes cannot be read");
}
