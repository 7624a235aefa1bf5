//! A bounded queue of items that wait for export. If it is full, the oldest items are dropped and counted.

use std::collections::VecDeque;

/// An item, and its approximate size in memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QueuedItem<T> {
    pub(crate) bytes: usize,
    pub(crate) item: T,
}

#[derive(Debug)]
pub(crate) struct Queue<T> {
    items: VecDeque<QueuedItem<T>>,
    bytes: usize,
    capacity: Capacity,
    dropped: u64,
}

/// A maximum number of items and of bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Capacity {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

impl<T> Queue<T> {
    pub(crate) fn new(capacity: Capacity) -> Self {
        Self { items: VecDeque::new(), bytes: 0, capacity, dropped: 0 }
    }

    pub(crate) fn push(&mut self, bytes: usize, item: T) {
        self.bytes += bytes;
        self.items.push_back(QueuedItem { bytes, item });
        self.drop_oldest();
    }

    /// Puts items that could not be exported back at the front of the queue.
    pub(crate) fn put_back(&mut self, items: Vec<QueuedItem<T>>) {
        for item in items.into_iter().rev() {
            self.bytes += item.bytes;
            self.items.push_front(item);
        }
        self.drop_oldest();
    }

    /// Removes the oldest items, up to the limit. Takes at least one item, even if it is larger than the limit.
    pub(crate) fn take(&mut self, limit: Capacity) -> Vec<QueuedItem<T>> {
        let mut taken = vec![];
        let mut bytes = 0;
        while let Some(item) = self
            .items
            .pop_front_if(|item| bytes == 0 || (taken.len() < limit.items && bytes + item.bytes <= limit.bytes))
        {
            bytes += item.bytes.max(1);
            taken.push(item);
        }
        self.bytes = self.items.iter().map(|item| item.bytes).sum();
        taken
    }

    /// Counts items that were taken and dropped.
    pub(crate) fn count_dropped(&mut self, items: u64) {
        self.dropped += items;
    }

    /// The number of items that were dropped since the last call.
    pub(crate) fn take_dropped(&mut self) -> u64 {
        std::mem::take(&mut self.dropped)
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Drops and counts all items.
    pub(crate) fn clear(&mut self) {
        self.count_dropped(self.items.len() as u64);
        self.items.clear();
        self.bytes = 0;
    }

    fn drop_oldest(&mut self) {
        while self.items.len() > self.capacity.items || self.bytes > self.capacity.bytes {
            let Some(oldest) = self.items.pop_front() else { return };
            self.bytes -= oldest.bytes;
            self.count_dropped(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Capacity = Capacity { items: usize::MAX, bytes: usize::MAX };

    fn items<T>(queued: &[QueuedItem<T>]) -> Vec<&T> {
        queued.iter().map(|queued| &queued.item).collect()
    }

    #[test]
    fn oldest_items_are_dropped_and_counted() {
        let mut queue = Queue::new(Capacity { items: 3, bytes: 100 });
        for number in 0..5 {
            queue.push(10, number);
        }
        let taken = queue.take(Capacity { items: 2, bytes: 100 });
        assert_eq!((items(&taken), queue.take_dropped()), (vec![&2, &3], 2));
        queue.push(10, 5);
        queue.push(10, 6);
        queue.put_back(taken);
        assert_eq!((items(&queue.take(ALL)), queue.take_dropped()), (vec![&4, &5, &6], 2));
        assert_eq!((queue.len(), queue.take_dropped()), (0, 0));
    }

    #[test]
    fn total_size_of_items_is_limited() {
        let mut queue = Queue::new(Capacity { items: 100, bytes: 100 });
        for number in 0..4 {
            queue.push(40, number);
        }
        assert_eq!((queue.len(), queue.take_dropped()), (2, 2));
        let taken = queue.take(Capacity { items: 100, bytes: 10 });
        assert_eq!(taken, [QueuedItem { bytes: 40, item: 2 }], "one item that is larger than the limit");
        queue.push(101, 9);
        assert_eq!((queue.len(), queue.take_dropped()), (0, 2), "an item that is larger than the queue is dropped");
    }
}
