//! The query of a request for a source: the size of the variant.

use model::{Recipe, Size};

use super::path::decode;

/// The parameters of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SizeQuery {
    /// No parameter.
    None,
    /// `width=N`: the variant must be at least this wide.
    Width(u32),
    /// `size=TEXT`: exactly this size.
    Size(String),
}

impl SizeQuery {
    /// Parses a query. `None` if it is invalid.
    pub(super) fn parse(query: &str) -> Option<Self> {
        let mut parameters = query.split('&').filter(|parameter| !parameter.is_empty());
        let Some(parameter) = parameters.next() else { return Some(Self::None) };
        if parameters.next().is_some() {
            return None;
        }
        let (name, value) = parameter.split_once('=')?;
        let value = decode(value)?;
        match name {
            "width" => parse_width(&value).map(Self::Width),
            "size" => Some(Self::Size(value.into_owned())),
            _ => None,
        }
    }

    /// Returns the size in a recipe that a query selects. `None` if the recipe has no such size.
    pub(super) fn select(&self, recipe: &Recipe) -> Option<Size> {
        // The sizes are sorted, the widest first.
        let is_width = |size: &Size| matches!(size, Size::Width(_));
        let largest =
            recipe.sizes.iter().find(|size| *size == Size::Full).or_else(|| recipe.sizes.iter().find(is_width));
        match self {
            Self::None => largest,
            Self::Width(wanted) => {
                let is_sufficient = |size: &Size| matches!(size, Size::Width(width) if width.get() >= *wanted);
                recipe.sizes.iter().filter(is_sufficient).last().or(largest)
            }
            Self::Size(text) => recipe.sizes.iter().find(|size| size.to_string() == *text),
        }
    }
}

/// Parses a decimal number from 1 to [`Size::MAX_SIDE`], without a sign and without leading zeros.
fn parse_width(text: &str) -> Option<u32> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let width = text.parse().ok().filter(|_| is_decimal)?;
    (width <= Size::MAX_SIDE).then_some(width)
}
