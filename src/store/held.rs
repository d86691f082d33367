//! Checkpoints, wherever they were kept, and what each of them says about a journal.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};

use super::{
    chain::Chain,
    checkpoints::{CheckpointLine, checkpoint_path, judge_lines},
    journal::JournalError,
    note::{CheckpointPublicKey, SignedCheckpoint},
    verify::{Problem, ProblemKind, Sealed, Trusted},
};

/// Of each file, so many of the newest signatures are checked: each covers all before it, so the older ones prove nothing more.
const SIGNATURES: usize = 64;

/// A checkpoint, wherever it was kept.
pub(super) struct Held {
    pub(super) seq: u64,
    at: Option<DateTime<Utc>>,
    hash: Option<String>,
    signed: Option<Result<SignedCheckpoint, String>>,
    pub(super) elsewhere: bool,
    /// Whether the signature is looked at.
    newest: bool,
}

impl Held {
    pub(super) fn read(journal: &Path, trusted: &Trusted) -> Result<Vec<Self>, JournalError> {
        let own = checkpoint_path(journal);
        let of = |path: &Path| {
            let path = path.to_owned();
            move |source| JournalError::Checkpoints { path, source }
        };
        let mut held = Self::lines(&own, judge_lines(&own).map_err(of(&own))?, false);
        for place in &trusted.checkpoints {
            let files = if place.is_dir() { files_in(place).map_err(of(place))? } else { vec![place.clone()] };
            for file in files {
                held.extend(Self::file(&file).map_err(of(&file))?);
            }
        }
        Ok(held)
    }

    fn lines(path: &Path, lines: Vec<Result<CheckpointLine, usize>>, elsewhere: bool) -> Vec<Self> {
        let older = lines.len().saturating_sub(SIGNATURES);
        let first = lines.iter().position(|line| line.as_ref().is_ok_and(|line| line.note.is_some()));
        let mut before = 1;
        let held = lines.into_iter().enumerate().map(|(number, line)| match line {
            Ok(line) => {
                before = line.seq.max(1);
                Self::line(line, elsewhere, number >= older || Some(number) == first)
            }
            Err(number) => {
                let why = format!("line {number} of {} is none", path.display());
                Self { seq: before, at: None, hash: None, signed: Some(Err(why)), elsewhere, newest: true }
            }
        });
        held.collect()
    }

    /// What was signed, where its signatures are looked at.
    pub(super) fn note(&self) -> Option<&SignedCheckpoint> {
        self.signed.as_ref()?.as_ref().ok().filter(|_| self.newest)
    }

    fn line(line: CheckpointLine, elsewhere: bool, newest: bool) -> Self {
        let signed = line.note.map(|note| {
            let signed = SignedCheckpoint::parse(&note).map_err(|error| error.to_string())?;
            let same = signed.checkpoint.size == line.seq;
            same.then_some(signed).ok_or_else(|| "it is about another event".to_owned())
        });
        Self { seq: line.seq, at: Some(line.at), hash: Some(line.hash), signed, elsewhere, newest }
    }

    /// A file that was kept elsewhere: the lines of such a file, or one signed checkpoint.
    fn file(path: &Path) -> io::Result<Vec<Self>> {
        let lines = judge_lines(path)?;
        if lines.iter().any(Result::is_ok) {
            return Ok(Self::lines(path, lines, true));
        }
        let text = fs::read_to_string(path)?;
        let signed =
            SignedCheckpoint::parse(&text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let seq = signed.checkpoint.size;
        Ok(vec![Self { seq, at: None, hash: None, signed: Some(Ok(signed)), elsewhere: true, newest: true }])
    }

    /// Holds it against the journal, and counts it where it fits.
    pub(super) fn against(
        &self,
        chain: &Chain,
        keys: &[CheckpointPublicKey],
        by_witnesses: bool,
        sealed: &mut Sealed,
    ) -> Option<Problem> {
        let problem = |kind, detail: String| Some(Problem { seq: self.seq, kind, detail });
        if let Some(Err(why)) = &self.signed {
            return problem(ProblemKind::Signature, format!("the checkpoint at event {} is spoilt: {why}", self.seq));
        }
        let note = self.note();
        let witnesses: Vec<&str> =
            keys.iter().filter_map(|key| note?.witnessed_by(key)).map(|(name, _)| name).collect();
        let by_trusted =
            !witnesses.is_empty() || note.is_some_and(|note| keys.iter().any(|key| note.is_signed_by(key)));
        if note.is_some() && !by_trusted && !by_witnesses {
            let detail = format!("the checkpoint at event {} was not signed by a key that is trusted", self.seq);
            return problem(ProblemKind::Signature, detail);
        }
        if self.seq > chain.last {
            return Some(Problem::cut_tail(chain.last, self.seq));
        }
        // What the chain's own problem hides is not the checkpoint's.
        let mark = chain.marks.get(&self.seq)?;
        let other_hash = self.hash.as_ref().is_some_and(|hash| *hash != hex::encode(mark.hash));
        let signed = self.signed.as_ref().and_then(|signed| signed.as_ref().ok());
        if other_hash || signed.is_some_and(|signed| signed.checkpoint.root != mark.root) {
            return match self.at {
                Some(at) => Some(Problem::rewritten(self.seq, at)),
                None => {
                    let detail = format!("the first {} events are not those that a checkpoint saw", self.seq);
                    problem(ProblemKind::Rewritten, detail)
                }
            };
        }
        sealed.elsewhere += u64::from(self.elsewhere);
        sealed.unsigned += u64::from(self.signed.is_none());
        if let Some(signed) = signed {
            sealed.witnesses.extend(witnesses.iter().map(|name| (*name).to_owned()));
            sealed.unchecked.extend(signed.others().filter(|name| !witnesses.contains(name)).map(str::to_owned));
            if by_trusted {
                sealed.signed += 1;
                sealed.since = match (sealed.since, mark.at) {
                    (Some(since), Some(at)) => Some(since.min(at)),
                    (since, at) => since.or(at),
                };
                if self.seq >= sealed.up_to {
                    sealed.up_to = self.seq;
                    sealed.origin = Some(signed.checkpoint.origin.clone());
                }
            }
        }
        None
    }
}

/// The files of a folder that hold checkpoints, by the endings of their names.
fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "checkpoints" || ending == "checkpoint") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
