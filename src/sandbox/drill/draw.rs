//! What a seed makes of a drill's file: which variant, which decoys, and how long it stays quiet before. The same file and seed
//! give the same drill.

use std::time::Duration;

use super::file::{Decoy, DrillFile, FaultSpec};
use crate::domain::DrillTruth;

/// The longest quiet before the fault.
const QUIET: usize = 8;

/// A drill as it is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// What is injected; nothing in a false alarm.
    pub faults: Vec<FaultSpec>,
    /// What leads astray.
    pub decoys: Vec<Decoy>,
    /// How long it stays quiet after the decoys.
    pub quiet: Duration,
    /// How long people have.
    pub limit: Duration,
    /// What is committed to.
    pub truth: DrillTruth,
}

/// Draws what is done. In a false alarm there are decoys alone.
#[must_use]
pub fn draw(file: &DrillFile, seed: u64, false_alarm: bool) -> Option<Drawn> {
    let mut dice = Dice(seed);
    let variant = file.variants.get(dice.below(file.variants.len()))?;
    let mut left = file.decoys.clone();
    let least = usize::from(false_alarm && !left.is_empty());
    let wanted = least + dice.below(left.len() + 1 - least);
    let decoys: Vec<Decoy> = (0..wanted).map(|_| left.swap_remove(dice.below(left.len()))).collect();
    let quiet = Duration::from_secs(dice.below(QUIET + 1) as u64);
    let decoy_services = decoys.iter().filter_map(Decoy::service).map(str::to_owned).collect();
    let truth = DrillTruth {
        file: file.id.clone(),
        title: file.title.clone(),
        seed,
        scenario: file.scenario_name.to_owned(),
        book: file.book.clone(),
        book_hash: String::new(),
        faults: if false_alarm { Vec::new() } else { variant.faults.iter().map(ToString::to_string).collect() },
        decoys: decoys.iter().map(ToString::to_string).collect(),
        decoy_services,
        blame: (!false_alarm).then(|| variant.blame.clone()),
        remedies: if false_alarm { Vec::new() } else { variant.cured_by.clone() },
        objectives: file.objectives.clone(),
        leaks: file.leaks && !false_alarm,
        detect_seconds: file.detect_within.as_secs(),
        recover_seconds: file.recover_within.as_secs(),
        bake_seconds: file.stay_well_for.as_secs(),
        rpo_seconds: file.may_lose.as_secs(),
    };
    let faults = if false_alarm { Vec::new() } else { variant.faults.clone() };
    // A false alarm is over when everything could have been well again.
    let limit = if false_alarm { file.recover_within.min(file.limit) } else { file.limit };
    Some(Drawn { faults, decoys, quiet, limit, truth })
}

/// Numbers that look random and are the same for the same seed, on every machine and in every version (SplitMix64).
struct Dice(u64);

impl Dice {
    /// From 0 to below `end`.
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).unwrap_or_default()
    }
}
