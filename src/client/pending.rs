//! The pending commands by id.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A table of pending commands. Each gets the smallest id that is not in use, from 1, so that requests stay short.
#[derive(Debug)]
pub(super) struct Pending<T> {
    slots: Vec<Option<T>>,
    free: BinaryHeap<Reverse<usize>>,
}

impl<T> Default for Pending<T> {
    fn default() -> Self {
        Self { slots: Vec::new(), free: BinaryHeap::new() }
    }
}

impl<T> Pending<T> {
    /// Adds a value and returns its id.
    pub(super) fn insert(&mut self, value: T) -> u64 {
        let slot = if let Some(Reverse(slot)) = self.free.pop() {
            self.slots[slot] = Some(value);
            slot
        } else {
            self.slots.push(Some(value));
            self.slots.len() - 1
        };
        slot as u64 + 1
    }

    /// Removes the value with this id, which becomes free.
    pub(super) fn take(&mut self, id: u64) -> Option<T> {
        let slot = usize::try_from(id.checked_sub(1)?).ok()?;
        let value = self.slots.get_mut(slot)?.take()?;
        self.free.push(Reverse(slot));
        Some(value)
    }

    /// Returns the value with this id.
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let slot = usize::try_from(id.checked_sub(1)?).ok()?;
        self.slots.get_mut(slot)?.as_mut()
    }

    /// Removes all values if all are `over`.
    pub(super) fn take_all_if(&mut self, over: impl Fn(&T) -> bool) -> Vec<T> {
        if self.slots.iter().flatten().all(over) { self.drain().collect() } else { Vec::new() }
    }

    /// Removes the value if there is exactly one.
    pub(super) fn take_only(&mut self) -> Option<T> {
        if self.len() != 1 {
            return None;
        }
        let slot = self.slots.iter().position(Option::is_some)?;
        self.take(slot as u64 + 1)
    }

    /// Returns the number of values.
    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Removes all values, in the order of ids.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.free.clear();
        std::mem::take(&mut self.slots).into_iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_free_id_is_next() {
        let mut pending = Pending::default();
        assert_eq!([pending.insert('a'), pending.insert('b'), pending.insert('c')], [1, 2, 3]);
        assert_eq!(pending.take(2), Some('b'));
        assert_eq!(pending.take(1), Some('a'));
        assert_eq!(pending.take(1), None);
        assert_eq!(pending.insert('d'), 1);
        assert_eq!(pending.insert('e'), 2);
        assert_eq!(pending.insert('f'), 4);
        assert_eq!(pending.len(), 4);
        assert_eq!(pending.drain().collect::<String>(), "decf");
        assert_eq!(pending.len(), 0);
        assert_eq!(pending.insert('g'), 1);
    }

    #[test]
    fn ids_that_were_never_given() {
        let mut pending = Pending::default();
        pending.insert(());
        for id in [0, 2, u64::MAX] {
            assert_eq!(pending.take(id), None);
        }
    }

    #[test]
    fn the_only_one() {
        let mut pending = Pending::default();
        assert_eq!(pending.take_only(), None);
        pending.insert('a');
        pending.insert('b');
        assert_eq!(pending.take_only(), None);
        pending.take(1);
        assert_eq!(pending.take_only(), Some('b'));
        assert_eq!(pending.len(), 0);
    }
}
