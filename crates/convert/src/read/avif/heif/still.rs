//! The image of the primary item with its alpha and its gain map, without the other items of the file (ISO/IEC
//! 23008-12, 6; AVIF, 2 and 4).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::decoding_cost::{DeclaredSize, DecodingCost};
use super::media::MediaData;
use super::meta::{Item, MetaBox};
use super::property::{self, AuxiliaryType, ProfileContext};
use super::{damaged, derived, unsupported};
use crate::Error;
use crate::read::avif::av1::StreamReader;
use avif::boxes::{FileSlice, FourCc};

/// The properties that transform an image. They must be essential (MIAF, ISO/IEC 23000-22, 7.3.9), and libavif
/// rejects files in which they are not. The copy of such a file marks them as essential.
const TRANSFORMATIONS: [&FourCc; 3] = [b"clap", b"irot", b"imir"];

/// The items of an image that will be written. The first item is the primary item. The identifier of an item is its
/// position in `items`, and the index of a property is its position in `properties`. Both start at 1.
#[derive(Default)]
pub(super) struct StillImage {
    pub(super) items: Vec<StillItem>,
    /// The properties, as complete boxes.
    pub(super) properties: Vec<Vec<u8>>,
    pub(super) references: Vec<StillReference>,
    /// The `tmap` item, which viewers with an HDR display prefer to the primary item.
    pub(super) gain_map: Option<u16>,
}

#[derive(Clone)]
pub(super) struct StillItem {
    pub(super) kind: FourCc,
    pub(super) is_hidden: bool,
    /// The index of each property, and whether the property is essential.
    pub(super) properties: Vec<(u16, bool)>,
    /// The range of the item's data in the media data.
    pub(super) range: Range<usize>,
}

pub(super) struct StillReference {
    pub(super) kind: FourCc,
    /// The identifier of the item that refers to the items in `to`.
    pub(super) from: u16,
    pub(super) to: Vec<u16>,
}

impl StillImage {
    /// Adds an item that describes the primary item.
    pub(super) fn add_description(&mut self, item: StillItem) {
        self.items.push(item);
        // If there are too many items, writing fails.
        let from = u16::try_from(self.items.len()).unwrap_or(u16::MAX);
        self.references.push(StillReference { kind: *b"cdsc", from, to: vec![1] });
    }
}

/// Copies the items of one image from a file.
pub(super) struct StillReader<'this, 'a, 'notes> {
    meta: &'this MetaBox<'a>,
    media: &'this mut MediaData<'a>,
    profiles: &'this mut ProfileContext<'notes>,
    /// The auxiliary images of each item, by the item's identifier.
    auxiliary_items: HashMap<u32, Vec<u32>>,
    /// The new index of each property that was read. `None` means that the property was omitted.
    properties: HashMap<usize, Option<u16>>,
    used_items: HashSet<u32>,
    still: StillImage,
}

impl<'this, 'a, 'notes> StillReader<'this, 'a, 'notes> {
    pub(super) fn new(
        meta: &'this MetaBox<'a>,
        media: &'this mut MediaData<'a>,
        profiles: &'this mut ProfileContext<'notes>,
    ) -> Self {
        let mut auxiliary_items: HashMap<u32, Vec<u32>> = HashMap::new();
        for reference in meta.references.iter().filter(|reference| reference.kind == *b"auxl") {
            reference.to.iter().for_each(|&to| auxiliary_items.entry(to).or_default().push(reference.from));
        }
        let (properties, used_items, still) = (HashMap::new(), HashSet::new(), StillImage::default());
        Self { meta, media, profiles, auxiliary_items, properties, used_items, still }
    }

    /// Reads the primary item with its alpha. Reads the gain map only if the file has the brand `tmap`.
    pub(super) fn read(mut self, primary: u32, has_gain_map_brand: bool) -> Result<StillImage, Error> {
        let meta = self.meta;
        let item = meta.item(primary).ok_or_else(|| damaged("the primary item is missing in the box `iinf`"))?;
        let size =
            self.declared_size(item)?.ok_or_else(|| damaged("the primary item has no size (property `ispe`)"))?;
        let color = self.add_image(item)?;
        let alpha = self.add_alpha(item)?;
        size.check_cost(color.combine(alpha))?;
        if has_gain_map_brand {
            self.add_gain_map(item, size)?;
        }
        Ok(self.still)
    }

    /// Finds the first property of an item with this name.
    fn find_property(&self, item: &Item<'a>, name: FourCc) -> Result<Option<&FileSlice<'a>>, Error> {
        for association in &item.associations {
            if let Some((known, content)) = self.meta.property(association.index)?
                && *known == name
            {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    /// Returns the size that an item declares, if any.
    fn declared_size(&self, item: &Item<'a>) -> Result<Option<DeclaredSize>, Error> {
        let name = *b"ispe";
        let size = self.find_property(item, name)?.map(|part| property::read_size(part.fields(name))).transpose()?;
        Ok(size.map(|(width, height)| DeclaredSize { width, height }))
    }

    /// Adds an image, including the cells of a grid.
    fn add_image(&mut self, item: &Item<'a>) -> Result<DecodingCost, Error> {
        // A decoder may allocate memory for the declared size.
        let declared_cost = self.declared_size(item)?.map_or_else(DecodingCost::default, DeclaredSize::decoding_cost);
        let cost = match &item.kind {
            b"av01" => self.add_coded(item)?,
            b"grid" => self.add_grid(item)?,
            kind => {
                let (id, kind) = (item.id, kind.escape_ascii());
                return Err(unsupported(&format!(
                    "item {id} is an image of type `{kind}`; only `av01` and `grid` are supported"
                )));
            }
        };
        Ok(cost.combine(declared_cost))
    }

    fn add_coded(&mut self, item: &Item<'a>) -> Result<DecodingCost, Error> {
        let a1lx = *b"a1lx";
        let sizes =
            self.find_property(item, a1lx)?.map(|part| property::read_layer_sizes(part.fields(a1lx))).transpose()?;
        let sizes = sizes.unwrap_or_default();
        let name = format!("item {}", item.id);
        let coded = self.media.add_image(self.meta.data_ranges(item)?, &sizes, &mut StreamReader::default(), &name)?;
        coded.check_is_one_image(&name)?;
        self.add_item(item, coded.range.clone(), &coded.layer_sizes)?;
        Ok(coded.decoding_cost())
    }

    fn add_grid(&mut self, item: &Item<'a>) -> Result<DecodingCost, Error> {
        let spans = self.meta.data_ranges(item)?;
        let grid = derived::read_grid(&self.media.read(&spans)?)?;
        let cells = self.meta.referenced_items(item.id, *b"dimg").unwrap_or_default();
        if cells.len() != grid.cell_count {
            return Err(damaged(&format!("grid {} has {} cells and needs {}", item.id, cells.len(), grid.cell_count)));
        }
        let range = self.media.append(&grid.data);
        let id = self.add_item(item, range, &[])?;
        let mut cost = grid.size.decoding_cost();
        for cell in cells {
            let cell = self.meta.item(*cell).filter(|cell| cell.kind == *b"av01");
            let cell =
                cell.ok_or_else(|| unsupported(&format!("grid {} has cells that are not `av01` items", item.id)))?;
            cost = cost.combine(self.add_coded(cell)?);
        }
        let to = (id + 1..=id + u16::try_from(grid.cell_count).unwrap_or(u16::MAX)).collect();
        self.still.references.push(StillReference { kind: *b"dimg", from: id, to });
        Ok(cost)
    }

    /// Adds the alpha of the primary image, or the alpha of each cell of the primary image.
    fn add_alpha(&mut self, item: &Item<'a>) -> Result<DecodingCost, Error> {
        let meta = self.meta;
        if let Some(alpha) = self.find_alpha(item.id)? {
            let id = self.next_id();
            let cost = self.add_image(alpha)?;
            self.still.references.push(StillReference { kind: *b"auxl", from: id, to: vec![1] });
            if meta.referenced_items(item.id, *b"prem").is_some_and(|to| to.contains(&alpha.id)) {
                self.still.references.push(StillReference { kind: *b"prem", from: 1, to: vec![id] });
            }
            return Ok(cost);
        }
        let mut cost = DecodingCost::default();
        if item.kind != *b"grid" {
            return Ok(cost);
        }
        let cells = meta.referenced_items(item.id, *b"dimg").unwrap_or_default();
        let alphas = cells.iter().map(|&cell| self.find_alpha(cell)).collect::<Result<Option<Vec<_>>, _>>()?;
        // If any cell has no alpha, the image has no alpha.
        for (alpha, cell) in alphas.unwrap_or_default().into_iter().zip(2..) {
            let id = self.next_id();
            cost = cost.combine(self.add_image(alpha)?);
            self.still.references.push(StillReference { kind: *b"auxl", from: id, to: vec![cell] });
        }
        Ok(cost)
    }

    fn find_alpha(&self, id: u32) -> Result<Option<&'this Item<'a>>, Error> {
        let auxiliary_items = self.auxiliary_items.get(&id).into_iter().flatten();
        for item in auxiliary_items.filter_map(|&id| self.meta.item(id)) {
            for association in &item.associations {
                if let Some((name, content)) = self.meta.property(association.index)?
                    && property::auxiliary_type(*name, content)? == Some(AuxiliaryType::Alpha)
                {
                    return Ok(Some(item));
                }
            }
        }
        Ok(None)
    }

    /// Adds the gain map that viewers prefer to the primary image (ISO/IEC 23008-12, 6.6.2.4).
    fn add_gain_map(&mut self, primary: &Item<'a>, size: DeclaredSize) -> Result<(), Error> {
        let meta = self.meta;
        let preferred =
            |group: &Vec<u32>| group.iter().position(|&id| id == primary.id).map(|end| group[..end].to_vec());
        let preferred: HashSet<u32> = meta.alternatives.iter().filter_map(preferred).flatten().collect();
        let candidate = meta.items.iter().filter(|item| item.kind == *b"tmap").find_map(|item| {
            match meta.referenced_items(item.id, *b"dimg")? {
                [base, map] if *base == primary.id && preferred.contains(&item.id) => Some((item, meta.item(*map)?)),
                _ => None,
            }
        });
        let Some((item, map)) = candidate else { return Ok(()) };
        let spans = meta.data_ranges(item)?;
        let Some(data) = derived::read_tone_map(&self.media.read(&spans)?)? else {
            self.profiles.notes.push(
                "its gain map was omitted: its metadata has an unknown version, or a gamma or denominator of 0".into(),
            );
            return Ok(());
        };
        let range = self.media.append(&data);
        let id = self.add_item(item, range, &[])?;
        let cost = self.add_image(map)?;
        size.check_gain_map_cost(cost)?;
        self.still.references.push(StillReference { kind: *b"dimg", from: id, to: vec![1, id + 1] });
        self.still.gain_map = Some(id);
        Ok(())
    }

    fn next_id(&self) -> u16 {
        u16::try_from(self.still.items.len() + 1).unwrap_or(u16::MAX)
    }

    /// Adds an item. Returns its identifier.
    fn add_item(&mut self, item: &Item<'a>, range: Range<usize>, layer_sizes: &[usize]) -> Result<u16, Error> {
        if !self.used_items.insert(item.id) {
            return Err(unsupported(&format!("item {} is used twice in an image", item.id)));
        }
        let id = self.next_id();
        let mut properties = vec![];
        for association in &item.associations {
            let Some((name, _)) = self.meta.property(association.index)? else { continue };
            let is_essential = association.is_essential || TRANSFORMATIONS.contains(&name);
            let index = if *name == *b"a1lx" {
                Some(self.add_property(property::build_layer_sizes(layer_sizes)?)?)
            } else {
                self.copy_property(association.index)?
            };
            match index {
                Some(index) => properties.push((index, is_essential)),
                // A property `colr` may be omitted even if it is essential, because its profile may be damaged.
                None if is_essential && *name != *b"colr" => {
                    let name = name.escape_ascii();
                    return Err(unsupported(&format!("item {} has the unknown essential property `{name}`", item.id)));
                }
                None => {}
            }
        }
        self.still.items.push(StillItem { kind: item.kind, is_hidden: item.is_hidden, properties, range });
        Ok(id)
    }

    /// Copies a property. If several items have the property, it is copied only once. Returns its new index, or `None`
    /// if the property was omitted.
    fn copy_property(&mut self, old: usize) -> Result<Option<u16>, Error> {
        if let Some(known) = self.properties.get(&old) {
            return Ok(*known);
        }
        let rewritten = match self.meta.property(old)? {
            Some((name, content)) => property::rewrite(*name, content, self.profiles)?,
            None => None,
        };
        let index = rewritten.map(|property| self.add_property(property)).transpose()?;
        self.properties.insert(old, index);
        Ok(index)
    }

    fn add_property(&mut self, property: Vec<u8>) -> Result<u16, Error> {
        self.still.properties.push(property);
        let index = u16::try_from(self.still.properties.len()).ok().filter(|index| *index < 1 << 15);
        index.ok_or_else(|| unsupported("an image has more properties than an index of 15 bits can address"))
    }
}
