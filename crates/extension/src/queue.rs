//! What waits to be delivered: so much of it, and then the oldest goes.

use std::collections::VecDeque;

/// What waits, with the bytes that it takes.
pub(crate) type Weighed<T> = (usize, T);

#[derive(Debug)]
pub(crate) struct Queue<T> {
    waiting: VecDeque<Weighed<T>>,
    bytes: usize,
    most: Most,
    dropped: u64,
}

/// How much there is at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Most {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(most: Most) -> Self {
        Self { waiting: VecDeque::new(), bytes: 0, most, dropped: 0 }
    }

    pub(crate) fn push(&mut self, bytes: usize, item: T) {
        self.bytes += bytes;
        self.waiting.push_back((bytes, item));
        self.drop_oldest();
    }

    /// Puts back what could not be delivered, before all that has come since.
    pub(crate) fn put_back(&mut self, items: Vec<Weighed<T>>) {
        for item in items.into_iter().rev() {
            self.bytes += item.0;
            self.waiting.push_front(item);
        }
        self.drop_oldest();
    }

    /// The oldest, as many as that; one at least, where there is one.
    pub(crate) fn take(&mut self, most: Most) -> Vec<Weighed<T>> {
        let mut taken = vec![];
        let mut bytes = 0;
        while let Some(item) =
            self.waiting.pop_front_if(|item| bytes == 0 || (taken.len() < most.items && bytes + item.0 <= most.bytes))
        {
            bytes += item.0.max(1);
            taken.push(item);
        }
        self.bytes = self.waiting.iter().map(|item| item.0).sum();
        taken
    }

    /// Counts what is lost on the way.
    pub(crate) fn lose(&mut self, items: u64) {
        self.dropped += items;
    }

    /// How many were dropped since this was last asked.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.lose(self.waiting.len() as u64);
        self.waiting.clear();
        self.bytes = 0;
    }

    fn drop_oldest(&mut self) {
        while self.waiting.len() > self.most.items || self.bytes > self.most.bytes {
            let Some((bytes, _)) = self.waiting.pop_front() else { return };
            self.bytes -= bytes;
            self.lose(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Most = Most { items: usize::MAX, bytes: usize::MAX };

    #[test]
    fn the_oldest_go_and_are_counted() {
        let mut queue = Queue::new(Most { items: 3, bytes: 100 });
        for number in 0..5 {
            queue.push(10, number);
        }
        let taken = queue.take(Most { items: 2, bytes: 100 });
        assert_eq!((&taken[..], queue.take_dropped()), (&[(10, 2), (10, 3)][..], 2));
        queue.push(10, 5);
        queue.push(10, 6);
        queue.put_back(taken);
        assert_eq!((queue.take(ALL), queue.take_dropped()), (vec![(10, 4), (10, 5), (10, 6)], 2));
        assert_eq!((queue.len(), queue.take_dropped()), (0, 0));
    }

    #[test]
    fn large_ones_take_the_room_of_many() {
        let mut queue = Queue::new(Most { items: 100, bytes: 100 });
        for number in 0..4 {
            queue.push(40, number);
        }
        assert_eq!((queue.len(), queue.take_dropped()), (2, 2));
        assert_eq!(queue.take(Most { items: 100, bytes: 10 }), [(40, 2)], "one at least");
        queue.push(101, 9);
        assert_eq!((queue.len(), queue.take_dropped()), (0, 2), "what never fits is not waited for");
    }
}
