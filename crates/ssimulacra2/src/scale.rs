//! One scale of the comparison.

use crate::channel::Channel;
use crate::color::{self, LinearRow};
use crate::weights::Weights;

/// One scale: its channels, and the row that waits for the row below it.
pub(crate) struct Scale {
    channels: Vec<Channel>,
    /// The rows of the reference and of the image: an even row and an odd row.
    pairs: [[LinearRow; 2]; 2],
    /// Whether the even row waits for the odd row.
    is_waiting: bool,
}

impl Scale {
    /// `width` is the width of the scale, and `image_width` the width of the finest scale. `weights` are those of the
    /// channels X, Y and B.
    pub(crate) fn new(width: usize, image_width: usize, weights: [&'static Weights; 3]) -> Self {
        let row = || -> LinearRow { [(); 3].map(|()| vec![0.0; width]) };
        let channels = weights.into_iter().enumerate();
        let channels =
            channels.filter_map(|(index, weights)| Channel::new(index, weights, width, image_width)).collect();
        let pairs = [(); 2].map(|()| [row(), row()]);
        Self { channels, pairs, is_waiting: false }
    }

    /// Adds the next row of both images as sRGB.
    pub(crate) fn push_srgb(&mut self, rows: [&[u8]; 2], coarser: &mut [Self]) {
        let slot = usize::from(self.is_waiting);
        for (pair, srgb) in self.pairs.iter_mut().zip(rows) {
            color::linear(srgb, &mut pair[slot]);
        }
        self.compare(coarser);
    }

    /// Compares the latest row, and passes complete pairs of rows to the next scale.
    fn compare(&mut self, coarser: &mut [Self]) {
        let slot = usize::from(self.is_waiting);
        let rows = self.pairs.each_ref().map(|pair| &pair[slot]);
        self.channels.iter_mut().for_each(|channel| channel.push(rows));
        if self.is_waiting {
            self.pass_on(1, coarser);
        }
        self.is_waiting = !self.is_waiting;
    }

    /// Ends the image. The last row of an odd image has itself as its neighbor.
    pub(crate) fn finish(&mut self, coarser: &mut [Self]) {
        if self.is_waiting {
            self.pass_on(0, coarser);
        }
        self.channels.iter_mut().for_each(Channel::finish);
    }

    /// Averages the even row and the row `lower` of both images, and passes the result to the next scale.
    fn pass_on(&mut self, lower: usize, coarser: &mut [Self]) {
        let Some((next, coarser)) = coarser.split_first_mut() else { return };
        let slot = usize::from(next.is_waiting);
        for (pair, next) in self.pairs.iter().zip(&mut next.pairs) {
            color::halve(&pair[0], &pair[lower], &mut next[slot]);
        }
        next.compare(coarser);
    }

    /// Returns the weighted sum of the terms of all channels.
    pub(crate) fn weighted(&self) -> f64 {
        self.channels.iter().map(Channel::weighted).sum()
    }
}
