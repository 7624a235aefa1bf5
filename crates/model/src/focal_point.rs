use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::text::convert_as_text;

/// The point of an image that every crop contains, as fractions of the width and the height: `0,0` is the top left corner and
/// `1,1` the bottom right corner of the image as a viewer shows it, after the orientation is applied.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FocalPoint {
    x: f64,
    y: f64,
}

/// The text is not a focal point.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("focal point {0:?} is not two numbers from 0 to 1, such as 0.5,0.25")]
pub struct InvalidFocalPoint(String);

impl FocalPoint {
    /// The center of the image.
    pub const CENTER: Self = Self { x: 0.5, y: 0.5 };

    /// Returns the point. Returns `None` if a coordinate is not from 0 to 1.
    #[must_use]
    pub fn new(x: f64, y: f64) -> Option<Self> {
        [x, y].iter().all(|value| (0.0..=1.0).contains(value)).then_some(Self { x, y })
    }

    /// The horizontal position, from 0 (left) to 1 (right).
    #[must_use]
    pub fn x(self) -> f64 {
        self.x
    }

    /// The vertical position, from 0 (top) to 1 (bottom).
    #[must_use]
    pub fn y(self) -> f64 {
        self.y
    }
}

impl FromStr for FocalPoint {
    type Err = InvalidFocalPoint;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let point = text.split_once(',').and_then(|(x, y)| {
            let [x, y] = [x, y].map(|number| number.trim().parse().ok());
            Self::new(x?, y?)
        });
        point.ok_or_else(|| InvalidFocalPoint(text.to_owned()))
    }
}

impl fmt::Display for FocalPoint {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{},{}", self.x, self.y)
    }
}

convert_as_text!(FocalPoint);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn focal_point_is_parsed_from_its_own_text() {
        for (text, point) in [("0.5,0.5", FocalPoint::CENTER), (" 0 , 1e0 ", FocalPoint { x: 0.0, y: 1.0 })] {
            assert_eq!(text.parse(), Ok(point));
            assert_eq!(point.to_string().parse(), Ok(point));
        }
    }

    #[test]
    fn focal_point_outside_the_image_is_rejected() {
        for text in ["", "0.5", "0.5,1.01", "-0.1,0", "NaN,0", "inf,0", "0.5,0.5,0.5", "left,top"] {
            assert_eq!(text.parse::<FocalPoint>(), Err(InvalidFocalPoint(text.into())));
        }
    }
}
