//! Where things are on the screen, as the drawing left them: so the mouse can never disagree with what is seen.

use ratatui::layout::{Position, Rect};

/// Rectangles and what stands in them; later ones lie on top.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HitMap<T> {
    places: Vec<(Rect, T)>,
}

impl<T> Default for HitMap<T> {
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

impl<T> HitMap<T> {
    /// Something stands here.
    pub fn add(&mut self, area: Rect, target: T) {
        self.places.push((area, target));
    }

    /// What stands at a place.
    #[must_use]
    pub fn at(&self, x: u16, y: u16) -> Option<&T> {
        self.places.iter().rev().find(|(area, _)| area.contains(Position { x, y })).map(|(_, target)| target)
    }

    /// The topmost thing at a place for which `pick` gives something.
    pub fn find_at<U>(&self, x: u16, y: u16, pick: impl Fn(&T) -> Option<U>) -> Option<U> {
        self.places
            .iter()
            .rev()
            .filter(|(area, _)| area.contains(Position { x, y }))
            .find_map(|(_, target)| pick(target))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Keeps the first so many, and of the later ones those that `wanted` picks.
    pub fn keep_of_later(&mut self, first: usize, wanted: impl Fn(&T) -> bool) {
        let mut place = 0;
        self.places.retain(|(_, target)| {
            place += 1;
            place <= first || wanted(target)
        });
    }

    /// Everything, in drawing order.
    #[cfg(test)]
    pub fn iter(&self) -> impl Iterator<Item = &(Rect, T)> {
        self.places.iter()
    }
}
