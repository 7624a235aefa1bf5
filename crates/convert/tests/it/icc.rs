//! Builds ICC profiles and computes colors according to the specifications. The expected values of the tests therefore
//! do not come from the library under test.

/// Builds an RGB profile. The arguments are the XYZ columns (D50) of red, green and blue, and one gamma for all three
/// channels.
pub(crate) fn rgb(columns: [[f64; 3]; 3], gamma: f64) -> Vec<u8> {
    rgb_with_curves(columns, &curve(gamma))
}

/// Builds an RGB profile with this curve for all three channels.
pub(crate) fn rgb_with_curves([red, green, blue]: [[f64; 3]; 3], curve: &[u8]) -> Vec<u8> {
    profile(
        *b"RGB ",
        *b"XYZ ",
        &[
            (*b"rXYZ", &xyz(red)),
            (*b"gXYZ", &xyz(green)),
            (*b"bXYZ", &xyz(blue)),
            (*b"rTRC", curve),
            (*b"gTRC", curve),
            (*b"bTRC", curve),
        ],
    )
}

/// The types of lookup tables (ICC.1:2022, 10.10 to 10.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LutKind {
    Table8,
    Table16,
    MultiStage,
    /// The grid is the last part of the file. skcms reads two bytes after a grid.
    MultiStageAtEnd,
}

/// Builds an RGB profile with a lookup table of this number of points per channel. The lightness of a color is the
/// average of its channels, and all colors are gray.
pub(crate) fn rgb_lut(kind: LutKind, points: u8) -> Vec<u8> {
    let is_wide = kind != LutKind::Table8;
    let levels = || (0..u32::from(points)).map(move |at| at * 255 / (u32::from(points) - 1));
    let mut grid = vec![];
    for average in levels().flat_map(|r| levels().flat_map(move |g| levels().map(move |b| (r + g + b) / 3))) {
        for level in [average, 128, 128] {
            let level = u16::try_from(level).unwrap();
            // In the type `mft2`, neutral is 0x8000 (10.10). In the other types, it is half of the range.
            let wide = if kind == LutKind::Table16 { level * 256 } else { level * 257 };
            grid.extend(if is_wide { wide.to_be_bytes().to_vec() } else { level.to_be_bytes()[1..].to_vec() });
        }
    }
    let identity: Vec<u8> = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0].into_iter().flat_map(fixed).collect();
    let straight: Vec<u8> = (0..=255).collect();
    let line = [0, 0, 255, 255];
    let empty_curve = b"curv\0\0\0\0\0\0\0\0";
    let lut = match kind {
        LutKind::Table8 => {
            [&b"mft1\0\0\0\0\x03\x03"[..], &[points, 0], &identity[..], &straight.repeat(3), &grid, &straight.repeat(3)]
                .concat()
        }
        LutKind::Table16 => {
            let (start, entries) = (&b"mft2\0\0\0\0\x03\x03"[..], [0, 2, 0, 2]);
            [start, &[points, 0], &identity[..], &entries, &line.repeat(3), &grid, &line.repeat(3)].concat()
        }
        LutKind::MultiStage | LutKind::MultiStageAtEnd => {
            let curves = empty_curve.repeat(6);
            let offsets = [32, 0, 0, 32 + 72, 32 + 36].map(u32::to_be_bytes).concat();
            let counts = [&[points; 3][..], &[0; 13], &[2, 0, 0, 0]].concat();
            [b"mAB \0\0\0\0\x03\x03\0\0", &offsets[..], &curves, &counts, &grid].concat()
        }
    };
    let mut icc = profile(*b"RGB ", *b"Lab ", &[(*b"A2B0", &lut)]);
    if kind == LutKind::MultiStage {
        icc = with_tag(&icc, *b"tech", b"sig \0\0\0\0CRT ");
    }
    if kind == LutKind::MultiStageAtEnd {
        let length = icc.len().next_multiple_of(4) - (4 - lut.len() % 4) % 4;
        icc.truncate(length);
        icc[..4].copy_from_slice(&number(length));
    }
    icc
}

/// Builds a profile for gray pixels with this gamma.
pub(crate) fn gray(gamma: f64) -> Vec<u8> {
    profile(*b"GRAY", *b"XYZ ", &[(*b"kTRC", &curve(gamma))])
}

/// Builds a profile for CMYK pixels. `color` returns the Lab color of each combination of full inks. Colors between
/// these combinations are interpolated (ICC.1:2022, 10.10: lut8Type).
pub(crate) fn cmyk(color: impl Fn([bool; 4]) -> [f64; 3]) -> Vec<u8> {
    let mut lut = b"mft1\0\0\0\0\x04\x03\x02\0".to_vec();
    for entry in [1, 0, 0, 0, 1, 0, 0, 0, 1] {
        lut.extend(fixed(f64::from(entry)));
    }
    let straight: Vec<u8> = (0..=255).collect();
    lut.extend(straight.repeat(4));
    for node in 0..16_u8 {
        // From one table entry to the next, the last ink changes most often and the first ink changes least often.
        let [l, a, b] = color([8, 4, 2, 1].map(|ink| node & ink != 0));
        lut.extend([byte(l * 2.55), byte(a + 128.0), byte(b + 128.0)]);
    }
    lut.extend(straight.repeat(3));
    profile(*b"CMYK", *b"Lab ", &[(*b"A2B0", &lut)])
}

/// The XYZ columns of sRGB (IEC 61966-2-1), adapted to D50. A test also builds a profile with swapped channels from
/// these columns.
pub(crate) const SRGB: [[f64; 3]; 3] =
    [[0.436_07, 0.222_49, 0.013_92], [0.385_15, 0.716_87, 0.097_08], [0.143_07, 0.060_61, 0.714_10]];
/// The XYZ columns of Display P3, adapted to D50.
pub(crate) const DISPLAY_P3: [[f64; 3]; 3] =
    [[0.515_12, 0.241_20, -0.001_05], [0.291_98, 0.692_25, 0.041_89], [0.157_10, 0.066_57, 0.784_07]];

/// Returns the sRGB levels (0 to 255) of a Lab color. The formulas are those of CIE 15 with the white point D50,
/// followed by Bradford's adaptation to D65.
pub(crate) fn srgb_of_lab([lightness, a, b]: [f64; 3]) -> [f64; 3] {
    let fy = (lightness + 16.0) / 116.0;
    let linear = |f: f64| if f > 6.0 / 29.0 { f.powi(3) } else { (f - 4.0 / 29.0) * 3.0 * (6.0_f64 / 29.0).powi(2) };
    let xyz = [linear(fy + a / 500.0) * 0.964_2, linear(fy), linear(fy - b / 200.0) * 0.824_9];
    // The inverse of the matrix whose columns are `SRGB`. Those columns are adapted to D50, so this matrix includes the
    // adaptation to D65.
    let rows = [[3.133_86, -1.616_87, -0.490_61], [-0.978_77, 1.916_14, 0.033_45], [0.071_95, -0.228_99, 1.405_24]];
    rows.map(|row: [f64; 3]| srgb_level(row.iter().zip(xyz).map(|(weight, light)| weight * light).sum()))
}

/// Returns the sRGB level (0 to 255) of a linear light value (0 to 1), according to IEC 61966-2-1.
pub(crate) fn srgb_level(light: f64) -> f64 {
    let level = if light <= 0.003_130_8 { 12.92 * light } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    level * 255.0
}

/// The parameters of the sRGB curve (IEC 61966-2-1) in a parametric curve of kind 3 (ICC.1:2022, 10.18).
pub(crate) const SRGB_CURVE: [f64; 5] = [2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.040_45];

/// Returns the offset of the tag's entry in the tag table (ICC.1:2022, 7.3).
pub(crate) fn tag_entry(icc: &[u8], name: [u8; 4]) -> usize {
    let count = u32::from_be_bytes(icc[128..132].try_into().unwrap()) as usize;
    (0..count).map(|index| 132 + 12 * index).find(|&at| icc[at..at + 4] == name).unwrap()
}

/// Returns a copy of the profile with one additional tag.
pub(crate) fn with_tag(icc: &[u8], name: [u8; 4], content: &[u8]) -> Vec<u8> {
    let count = u32::from_be_bytes(icc[128..132].try_into().unwrap()) as usize;
    let (table, data) = icc[132..].split_at(12 * count);
    let mut entries: Vec<[u8; 12]> = table.as_chunks().0.to_vec();
    // The new entry moves the data of all tags by 12 bytes, so their offsets increase.
    for entry in &mut entries {
        let start = u32::from_be_bytes(entry[4..8].try_into().unwrap()) + 12;
        entry[4..8].copy_from_slice(&start.to_be_bytes());
    }
    let location = [number(icc.len() + 12), number(content.len())].concat();
    let tags = [entries.as_flattened(), &name, &location].concat();
    let mut icc = [&icc[..128], &number(count + 1), &tags, data, content].concat();
    let length = number(icc.len());
    icc[..4].copy_from_slice(&length);
    icc
}

/// Builds a profile of version 2.4. The profile is for an output device if the color space is CMYK. In all other cases,
/// the profile is for a display.
fn profile(space: [u8; 4], connection: [u8; 4], tags: &[([u8; 4], &[u8])]) -> Vec<u8> {
    let white = xyz([0.964_2, 1.0, 0.824_9]);
    // The converter replaces the texts of a profile with exactly these texts. A profile without private tags therefore
    // stays unchanged.
    let description = [&b"desc\0\0\0\0\0\0\0\x04RGB\0"[..], &[0; 78]].concat();
    let first = [(*b"desc", &description[..]), (*b"cprt", b"text\0\0\0\0none\0"), (*b"wtpt", &white)];
    let tags = [&first, tags].concat();
    let mut table = number(tags.len());
    let mut data = vec![];
    for (name, content) in &tags {
        table.extend([&name[..], &number(132 + 12 * tags.len() + data.len()), &number(content.len())].concat());
        data.extend_from_slice(content);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let mut header = vec![0; 128];
    let mut set = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    set(0, &number(128 + table.len() + data.len()));
    set(8, &[2, 0x40]);
    set(12, if space == *b"CMYK" { b"prtr" } else { b"mntr" });
    set(16, &space);
    set(20, &connection);
    set(36, b"acsp");
    set(68, &xyz([0.964_2, 1.0, 0.824_9])[8..]);
    [header, table, data].concat()
}

fn number(number: usize) -> Vec<u8> {
    u32::try_from(number).unwrap().to_be_bytes().to_vec()
}

/// Encodes a number in the format s15Fixed16Number.
#[expect(clippy::cast_possible_truncation, reason = "profiles contain small numbers")]
pub(crate) fn fixed(number: f64) -> [u8; 4] {
    ((number * 65_536.0).round() as i32).to_be_bytes()
}

fn xyz(values: [f64; 3]) -> Vec<u8> {
    [b"XYZ \0\0\0\0".to_vec(), values.map(fixed).concat()].concat()
}

/// Builds a curveType that contains only the gamma, as a u8Fixed8Number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a gamma is a small positive number")]
fn curve(gamma: f64) -> Vec<u8> {
    [b"curv\0\0\0\0\0\0\0\x01".as_slice(), &((gamma * 256.0).round() as u16).to_be_bytes()].concat()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the value is rounded and clamped to the range of u8"
)]
fn byte(level: f64) -> u8 {
    level.round().clamp(0.0, 255.0) as u8
}
