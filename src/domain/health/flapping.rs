//! What keeps changing is neither well nor down: it flaps, and every change of it is one cry too many.

use crate::platform::Reading;

/// Results that are looked at.
const RESULTS: u32 = 20;
/// Weighted percent of results that differ from the one before: above `HIGH` it begins to flap, at `LOW` it ends.
const HIGH: u32 = 30;
const LOW: u32 = 25;

/// Whether the results of one check keep changing, by the formula of Icinga 2: of the last 20 results each that differs from
/// the one before it counts, the oldest 0.8 and each younger one 0.02 more
/// (`Checkable::UpdateFlappingStatus`, icinga2 `lib/icinga/checkable-flapping.cpp`).
#[derive(Debug, Clone, Default)]
pub(in crate::domain) struct Flapping {
    /// One bit for each result that differed, the newest lowest.
    changes: u32,
    last: Option<Reading>,
    flaps: bool,
}

impl Flapping {
    pub(in crate::domain) fn take(&mut self, reading: Reading) {
        let changed = self.last.replace(reading).is_some_and(|last| last != reading);
        self.changes = (self.changes << 1 | u32::from(changed)) & ((1 << RESULTS) - 1);
        // in hundredths of a result, so that nothing is rounded
        let weighted: u32 =
            (0..RESULTS).filter(|age| self.changes >> age & 1 == 1).map(|age| 80 + 2 * (RESULTS - 1 - age)).sum();
        self.flaps = weighted > RESULTS * if self.flaps { LOW } else { HIGH };
    }

    pub(in crate::domain) fn flaps(&self) -> bool {
        self.flaps
    }

    /// How many of the last results differed from the one before.
    pub(in crate::domain) fn changes(&self) -> u32 {
        self.changes.count_ones()
    }
}
