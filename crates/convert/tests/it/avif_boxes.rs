//! Builds AVIF files from single boxes (ISO/IEC 14496-12, 8.11; ISO/IEC 23008-12).

use image::DynamicImage;

use crate::avif_tools::avifenc;

/// The content of an AVIF with items. The identifiers of items and the indices of properties start at 1.
#[derive(Debug, Clone)]
pub(crate) struct Boxes {
    pub(crate) items: Vec<Item>,
    /// The properties. Each property is a complete box.
    pub(crate) properties: Vec<Vec<u8>>,
    /// The references. Each reference has a type, a source item and target items.
    pub(crate) references: Vec<([u8; 4], u8, Vec<u8>)>,
    /// The name of the handler.
    pub(crate) handler: &'static [u8],
    /// More boxes of the box `meta`.
    pub(crate) more: Vec<u8>,
}

#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) kind: [u8; 4],
    /// The name of the item. It may also contain the fields after the name in the box `infe`.
    pub(crate) name: &'static [u8],
    pub(crate) data: Vec<u8>,
    pub(crate) properties: Vec<u8>,
    /// The number of bytes between the end of the data and the end of the extent.
    pub(crate) excess: u32,
}

impl Boxes {
    /// Builds an AVIF with one image. The properties of the image are its size, its bit depths and its AV1
    /// configuration.
    pub(crate) fn still(image: &DynamicImage) -> Self {
        let file = avifenc(image, &[]);
        let (width, height) = (image.width(), image.height());
        let at = |name: &[u8; 4]| file.windows(4).position(|window| window == name).unwrap() - 4;
        let copy_box = |name| &file[at(name)..][..number(&file[at(name)..])];
        let properties = vec![ispe(width, height), copy_box(b"pixi").to_vec(), copy_box(b"av1C").to_vec()];
        let data = copy_box(b"mdat")[8..].to_vec();
        let item = Item { kind: *b"av01", name: b"", data, properties: vec![1, 2, 3], excess: 0 };
        Self { items: vec![item], properties, references: vec![], handler: b"", more: vec![] }
    }

    pub(crate) fn file(&self) -> Vec<u8> {
        let at = self.meta(0).len() + FTYP.len() + 8;
        let data: Vec<u8> = self.items.iter().flat_map(|item| item.data.clone()).collect();
        [FTYP, &self.meta(at), &build_box(*b"mdat", &data)].concat()
    }

    /// Builds the `meta` box. `at` is the position of the item data in the file.
    fn meta(&self, mut at: usize) -> Vec<u8> {
        let count = self.items.len().to_be_bytes()[6..].to_vec();
        let (mut iloc, mut iinf) = ([&[0, 0, 0, 0, 0x44, 0][..], &count].concat(), [&[0; 4][..], &count].concat());
        let mut ipma = [&[0; 4][..], &bytes(self.items.len())].concat();
        for (id, item) in (1..).zip(&self.items) {
            let length = bytes(item.data.len() + item.excess as usize);
            iloc.extend([&[0, id, 0, 0, 0, 1][..], &bytes(at), &length].concat());
            at += item.data.len();
            let entry = [&[2, 0, 0, 0, 0, id, 0, 0][..], &item.kind, item.name, b"\0"].concat();
            iinf.extend(build_box(*b"infe", &entry));
            ipma.extend([&[0, id, u8::try_from(item.properties.len()).unwrap()], &item.properties[..]].concat());
        }
        let references = self.references.iter().flat_map(|(kind, from, to)| {
            let to = [u8::try_from(to.len()).unwrap()].into_iter().chain(to.iter().copied());
            build_box(*kind, &std::iter::once(*from).chain(to).flat_map(|number| [0, number]).collect::<Vec<_>>())
        });
        let iref = [vec![0; 4], references.collect()].concat();
        let iprp = [build_box(*b"ipco", &self.properties.concat()), build_box(*b"ipma", &ipma)].concat();
        let hdlr = [&[0; 8][..], b"pict", &[0; 12], self.handler, b"\0"].concat();
        let boxes = [
            build_box(*b"hdlr", &hdlr),
            build_box(*b"pitm", &[0, 0, 0, 0, 0, 1]),
            build_box(*b"iloc", &iloc),
            build_box(*b"iinf", &iinf),
            build_box(*b"iref", &iref),
            build_box(*b"iprp", &iprp),
            self.more.clone(),
        ];
        build_box(*b"meta", &[&[0; 4], &boxes.concat()[..]].concat())
    }
}

const FTYP: &[u8] = b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf";

/// Builds a box with this content.
pub(crate) fn build_box(name: [u8; 4], content: &[u8]) -> Vec<u8> {
    [&bytes(content.len() + 8), &name[..], content].concat()
}

/// Builds the box `ispe`, which contains the size of an item.
pub(crate) fn ispe(width: u32, height: u32) -> Vec<u8> {
    build_box(*b"ispe", [[0; 4], width.to_be_bytes(), height.to_be_bytes()].as_flattened())
}

fn bytes(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_be_bytes()
}

fn number(bytes: &[u8]) -> usize {
    u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize
}
