//! A figure that stands still although it never did.

/// Equal rows that may be chance.
const CHANCE: u32 = 8;
/// Stretches of equal rows that must be known before one is called long.
const ENOUGH: u32 = 100;

/// Stretches of equal rows: what always moved and moves no more is read from a stuck gauge or a dead exporter.
#[derive(Debug, Clone, Default)]
pub(super) struct Standstill {
    value: f64,
    rows: u32,
    longest: u32,
    stretches: u32,
}

impl Standstill {
    /// How rare a stretch of equal rows as long as this one is: none so far was half as long. It does not become rarer as it
    /// goes on, so that it is told once.
    pub(super) fn take(&mut self, value: f64) -> f64 {
        if value == self.value && self.rows > 0 {
            self.rows = self.rows.saturating_add(1);
        } else {
            self.longest = self.longest.max(self.rows);
            self.stretches = self.stretches.saturating_add(u32::from(self.rows > 0));
            (self.value, self.rows) = (value, 1);
        }
        if self.rows < CHANCE || self.stretches < ENOUGH || self.rows <= self.longest.saturating_mul(2) {
            return 0.0;
        }
        f64::from(self.stretches.saturating_add(1)).log10()
    }
}
