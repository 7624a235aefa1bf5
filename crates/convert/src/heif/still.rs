//! The image that the primary item is, with its alpha and its gain map, and nothing else of the file's items (ISO/IEC
//! 23008-12, 6; AVIF, 2 and 4).

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::boxes::{Name, Part};
use super::claim::{Claim, Work};
use super::media::Media;
use super::meta::{Item, Meta};
use super::property::{self, Profiles};
use super::{damaged, derived, unsupported};
use crate::Error;
use crate::av1::Stream;

/// Items of an image, to be written anew. The first is the primary one. An item's identifier is its place, counted from 1,
/// and so is a property's index.
#[derive(Default)]
pub(super) struct Still {
    pub(super) items: Vec<StillItem>,
    /// Whole boxes.
    pub(super) properties: Vec<Vec<u8>>,
    pub(super) references: Vec<StillReference>,
    /// The item that is preferred to the primary one by displays that are bright enough.
    pub(super) gain_map: Option<u16>,
}

pub(super) struct StillItem {
    pub(super) kind: Name,
    pub(super) is_hidden: bool,
    /// Indices, and whether they are essential.
    pub(super) properties: Vec<(u16, bool)>,
    /// Where its data is in the media.
    pub(super) place: Range<usize>,
}

pub(super) struct StillReference {
    pub(super) kind: Name,
    /// Identifiers.
    pub(super) from: u16,
    pub(super) to: Vec<u16>,
}

/// Takes what belongs to an image out of a file.
pub(super) struct StillReader<'this, 'a, 'notes> {
    meta: &'this Meta<'a>,
    media: &'this mut Media<'a>,
    profiles: &'this mut Profiles<'notes>,
    /// Auxiliary images by the items that they belong to.
    auxiliary: HashMap<u32, Vec<u32>>,
    /// The new index of each property that was looked at; none of one that is left out.
    properties: HashMap<usize, Option<u16>>,
    used: HashSet<u32>,
    still: Still,
}

impl<'this, 'a, 'notes> StillReader<'this, 'a, 'notes> {
    pub(super) fn new(
        meta: &'this Meta<'a>,
        media: &'this mut Media<'a>,
        profiles: &'this mut Profiles<'notes>,
    ) -> Self {
        let mut auxiliary: HashMap<u32, Vec<u32>> = HashMap::new();
        for reference in meta.references.iter().filter(|reference| reference.kind == *b"auxl") {
            reference.to.iter().for_each(|&to| auxiliary.entry(to).or_default().push(reference.from));
        }
        let (properties, used, still) = (HashMap::new(), HashSet::new(), Still::default());
        Self { meta, media, profiles, auxiliary, properties, used, still }
    }

    /// Reads the primary item and what belongs to it; a gain map only where the file has the brand of those.
    pub(super) fn read(mut self, primary: u32, has_gain_map_brand: bool) -> Result<Still, Error> {
        let meta = self.meta;
        let item = meta.item(primary).ok_or_else(|| damaged("the primary item is missing in the box `iinf`"))?;
        let claim = self.claim(item)?.ok_or_else(|| damaged("the primary item has no size (property `ispe`)"))?;
        let color = self.add_image(item)?;
        let alpha = self.add_alpha(item)?;
        claim.check(color.and(alpha))?;
        if has_gain_map_brand {
            self.add_gain_map(item, claim)?;
        }
        Ok(self.still)
    }

    /// The first property of that name that an item has.
    fn find(&self, item: &Item<'a>, name: Name) -> Result<Option<&Part<'a>>, Error> {
        for association in &item.associations {
            if let Some((known, content)) = self.meta.property(association.index)?
                && *known == name
            {
                return Ok(Some(content));
            }
        }
        Ok(None)
    }

    /// The size that an item claims, where it does.
    fn claim(&self, item: &Item<'a>) -> Result<Option<Claim>, Error> {
        let name = *b"ispe";
        let size = self.find(item, name)?.map(|part| property::size(part.fields(name))).transpose()?;
        Ok(size.map(|(width, height)| Claim { width, height }))
    }

    /// Adds an image with the cells that it may consist of.
    fn add_image(&mut self, item: &Item<'a>) -> Result<Work, Error> {
        // Memory may be allocated for what it claims.
        let claimed = self.claim(item)?.map_or_else(Work::default, Claim::work);
        let work = match &item.kind {
            b"av01" => self.add_coded(item)?,
            b"grid" => self.add_grid(item)?,
            kind => {
                let (id, kind) = (item.id, kind.escape_ascii());
                return Err(unsupported(&format!("item {id} is an image of type `{kind}`, neither `av01` nor `grid`")));
            }
        };
        Ok(work.and(claimed))
    }

    fn add_coded(&mut self, item: &Item<'a>) -> Result<Work, Error> {
        let a1lx = *b"a1lx";
        let sizes = self.find(item, a1lx)?.map(|part| property::layer_sizes(part.fields(a1lx))).transpose()?;
        let sizes = sizes.unwrap_or_default();
        let name = format!("item {}", item.id);
        let coded = self.media.coded(self.meta.data(item)?, &sizes, &mut Stream::default(), &name)?;
        coded.check_is_one_image(&name)?;
        self.add(item, coded.place.clone(), &coded.layer_sizes)?;
        Ok(coded.work())
    }

    fn add_grid(&mut self, item: &Item<'a>) -> Result<Work, Error> {
        let spans = self.meta.data(item)?;
        let grid = derived::grid(&self.media.gather(&spans)?)?;
        let cells = self.meta.references_from(item.id, *b"dimg").unwrap_or_default();
        if cells.len() != grid.cells {
            return Err(damaged(&format!("grid {} has {} cells and needs {}", item.id, cells.len(), grid.cells)));
        }
        let place = self.media.add(&grid.data);
        let id = self.add(item, place, &[])?;
        let mut work = grid.claim.work();
        for cell in cells {
            let cell = self.meta.item(*cell).filter(|cell| cell.kind == *b"av01");
            let cell =
                cell.ok_or_else(|| unsupported(&format!("grid {} has cells that are not `av01` items", item.id)))?;
            work = work.and(self.add_coded(cell)?);
        }
        let to = (id + 1..=id + u16::try_from(grid.cells).unwrap_or(u16::MAX)).collect();
        self.still.references.push(StillReference { kind: *b"dimg", from: id, to });
        Ok(work)
    }

    /// Adds the alpha of the primary image, or of each of its cells.
    fn add_alpha(&mut self, item: &Item<'a>) -> Result<Work, Error> {
        let meta = self.meta;
        if let Some(alpha) = self.alpha_of(item.id)? {
            let id = self.next_id();
            let work = self.add_image(alpha)?;
            self.still.references.push(StillReference { kind: *b"auxl", from: id, to: vec![1] });
            if meta.references_from(item.id, *b"prem").is_some_and(|to| to.contains(&alpha.id)) {
                self.still.references.push(StillReference { kind: *b"prem", from: 1, to: vec![id] });
            }
            return Ok(work);
        }
        let mut work = Work::default();
        if item.kind != *b"grid" {
            return Ok(work);
        }
        let cells = meta.references_from(item.id, *b"dimg").unwrap_or_default();
        let alphas = cells.iter().map(|&cell| self.alpha_of(cell)).collect::<Result<Option<Vec<_>>, _>>()?;
        // Where a cell has none, the image has none.
        for (alpha, cell) in alphas.unwrap_or_default().into_iter().zip(2..) {
            let id = self.next_id();
            work = work.and(self.add_image(alpha)?);
            self.still.references.push(StillReference { kind: *b"auxl", from: id, to: vec![cell] });
        }
        Ok(work)
    }

    fn alpha_of(&self, id: u32) -> Result<Option<&'this Item<'a>>, Error> {
        let auxiliary = self.auxiliary.get(&id).into_iter().flatten();
        for item in auxiliary.filter_map(|&id| self.meta.item(id)) {
            for association in &item.associations {
                if let Some((name, content)) = self.meta.property(association.index)?
                    && property::is_alpha(*name, content)? == Some(true)
                {
                    return Ok(Some(item));
                }
            }
        }
        Ok(None)
    }

    /// Adds the gain map that is preferred to the primary image (ISO/IEC 23008-12, 6.6.2.4).
    fn add_gain_map(&mut self, primary: &Item<'a>, claim: Claim) -> Result<(), Error> {
        let meta = self.meta;
        let preferred =
            |group: &Vec<u32>| group.iter().position(|&id| id == primary.id).map(|end| group[..end].to_vec());
        let preferred: HashSet<u32> = meta.alternatives.iter().filter_map(preferred).flatten().collect();
        let candidate = meta.items.iter().filter(|item| item.kind == *b"tmap").find_map(|item| {
            match meta.references_from(item.id, *b"dimg")? {
                [base, map] if *base == primary.id && preferred.contains(&item.id) => Some((item, meta.item(*map)?)),
                _ => None,
            }
        });
        let Some((item, map)) = candidate else { return Ok(()) };
        let spans = meta.data(item)?;
        let Some(data) = derived::gain_map(&self.media.gather(&spans)?)? else {
            self.profiles.notes.push("its gain map was left out: its version is not known".into());
            return Ok(());
        };
        let place = self.media.add(&data);
        let id = self.add(item, place, &[])?;
        let work = self.add_image(map)?;
        claim.check_beside(work)?;
        self.still.references.push(StillReference { kind: *b"dimg", from: id, to: vec![1, id + 1] });
        self.still.gain_map = Some(id);
        Ok(())
    }

    fn next_id(&self) -> u16 {
        u16::try_from(self.still.items.len() + 1).unwrap_or(u16::MAX)
    }

    /// Adds an item. Returns its identifier.
    fn add(&mut self, item: &Item<'a>, place: Range<usize>, layer_sizes: &[usize]) -> Result<u16, Error> {
        if !self.used.insert(item.id) {
            return Err(unsupported(&format!("item {} is used twice in one image", item.id)));
        }
        let id = self.next_id();
        let mut properties = vec![];
        for association in &item.associations {
            let Some((name, _)) = self.meta.property(association.index)? else { continue };
            let is_essential = association.is_essential;
            let index = if *name == *b"a1lx" {
                Some(self.add_property(property::layers(layer_sizes)?)?)
            } else {
                self.property(association.index)?
            };
            match index {
                Some(index) => properties.push((index, is_essential)),
                // A damaged profile is left out.
                None if is_essential && *name != *b"colr" => {
                    let name = name.escape_ascii();
                    return Err(unsupported(&format!("item {} has the unknown essential property `{name}`", item.id)));
                }
                None => {}
            }
        }
        self.still.items.push(StillItem { kind: item.kind, is_hidden: item.is_hidden, properties, place });
        Ok(id)
    }

    /// The new index of a property, which is written once for all items that have it.
    fn property(&mut self, old: usize) -> Result<Option<u16>, Error> {
        if let Some(known) = self.properties.get(&old) {
            return Ok(*known);
        }
        let rewritten = match self.meta.property(old)? {
            Some((name, content)) => property::rewritten(*name, content, self.profiles)?,
            None => None,
        };
        let index = rewritten.map(|property| self.add_property(property)).transpose()?;
        self.properties.insert(old, index);
        Ok(index)
    }

    fn add_property(&mut self, property: Vec<u8>) -> Result<u16, Error> {
        self.still.properties.push(property);
        let index = u16::try_from(self.still.properties.len()).ok().filter(|index| *index < 1 << 15);
        index.ok_or_else(|| unsupported("more properties than an index of 15 bits reaches"))
    }
}
