//! What to do next, as the board says it. Rules name the command line, which is there for everybody; who sits at a board is told the key
//! that does the same, or the page that shows it.

use super::model::Model;

/// What a command is at the board.
enum Twin {
    /// An action of the table shows or does it.
    Key(&'static str),
    /// A pane of the board shows it.
    Pane(&'static str),
    /// What is found by its name.
    Name,
}

/// Commands with what they are at the board.
const TWINS: &[(&str, Twin)] = &[
    ("service list", Twin::Pane("1")),
    ("incident list", Twin::Pane("2")),
    ("change list", Twin::Key("approvals")),
    ("break-glass list", Twin::Key("approvals")),
    ("change delegate", Twin::Key("delegate")),
    ("change template list", Twin::Key("templates")),
    ("snapshot list", Twin::Key("snapshots")),
    ("snapshot create", Twin::Key("snapshot")),
    ("recovery list", Twin::Key("recoveries")),
    ("recovery cancel", Twin::Key("cancel")),
    ("recovery undo", Twin::Key("undo")),
    ("rollback", Twin::Key("roll-back")),
    ("deploy list", Twin::Key("changed")),
    ("runbook list", Twin::Key("books")),
    ("runbook step", Twin::Key("run-step")),
    ("runbook undo", Twin::Key("undo-step")),
    ("runbook co-sign", Twin::Key("co-sign")),
    ("runbook skip", Twin::Key("skip-step")),
    ("runbook mark-done", Twin::Key("step-done")),
    ("runbook abandon", Twin::Key("abandon-run")),
    ("incident note", Twin::Key("note")),
    ("incident update", Twin::Key("update")),
    ("incident resolve", Twin::Key("resolve")),
    ("incident declare", Twin::Key("declare")),
    ("incident postmortem", Twin::Key("post-mortem")),
    ("break-glass open", Twin::Key("break-glass")),
    ("break-glass end", Twin::Key("end-break-glass")),
    ("break-glass revoke", Twin::Key("revoke-break-glass")),
    ("break-glass review", Twin::Key("review-break-glass")),
    ("knowledge list", Twin::Key("knowledge")),
    ("knowledge edit", Twin::Key("edit-article")),
    ("drill list", Twin::Key("drills")),
    ("drill held", Twin::Key("drills")),
    ("drill run", Twin::Key("hold-drill")),
    ("drill abort", Twin::Key("abort-drill")),
    ("continuity list", Twin::Key("continuity")),
    ("continuity activate", Twin::Key("work-by-hand")),
    ("breaker list", Twin::Key("breakers")),
    ("service maintenance", Twin::Key("calendar")),
    ("operator list", Twin::Key("team")),
    ("audit list", Twin::Key("journal")),
    ("patterns", Twin::Key("patterns")),
    ("diagnose judge", Twin::Key("diagnosis")),
    ("diagnose", Twin::Key("diagnose")),
    ("incident show", Twin::Name),
    ("change show", Twin::Name),
    ("snapshot show", Twin::Name),
    ("recovery show", Twin::Name),
    ("runbook show-run", Twin::Name),
    ("break-glass show", Twin::Name),
    ("knowledge show", Twin::Name),
];

const PROGRAM: &str = "codeblue ";

impl Model {
    /// A sentence with each command in it that the board has too said as the key that does it here.
    #[must_use]
    pub fn in_keys(&self, said: &str) -> String {
        let (mut told, mut rest) = (String::new(), said);
        while let Some(at) = rest.find(PROGRAM) {
            let (before, named) = rest.split_at(at);
            let named = &named[PROGRAM.len()..];
            told += before;
            match twin_of(named) {
                Some((twin, command)) => {
                    let after = &named[command.len()..];
                    let arguments = arguments(after);
                    told += &self.said(twin, after[..arguments].trim());
                    rest = &after[arguments..];
                }
                None => {
                    told += PROGRAM;
                    rest = named;
                }
            }
        }
        told + rest
    }

    fn said(&self, twin: &Twin, arguments: &str) -> String {
        let name = arguments.split_whitespace().find(|word| word.contains('-') && !word.starts_with('-'));
        match (twin, name) {
            (Twin::Key(action), Some(name)) => format!("{} on {name}", self.key(action)),
            (Twin::Key(action), None) => self.key(action),
            (Twin::Pane(number), _) => format!("pane {number}"),
            (Twin::Name, name) => format!("{} ({} finds it)", name.unwrap_or("its page"), self.key("palette")),
        }
    }
}

fn twin_of(named: &str) -> Option<(&'static Twin, &'static str)> {
    let ends = |command: &str| !named[command.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '-');
    let found = TWINS.iter().filter(|(command, _)| named.starts_with(command) && ends(command));
    found.max_by_key(|(command, _)| command.len()).map(|(command, twin)| (twin, *command))
}

/// Bytes of what a command is told: names, placeholders and options; a word in small letters goes on with the sentence.
fn arguments(after: &str) -> usize {
    let mut length = 0;
    while let Some(word) = after[length..].strip_prefix(' ').and_then(|rest| rest.split(' ').next()) {
        let bare = word.trim_end_matches([',', ';', ')', '.', ':']);
        let is_told = bare.starts_with('-') || bare.starts_with(|first: char| first.is_ascii_uppercase());
        if !is_told {
            break;
        }
        length += 1 + bare.len();
        if bare.len() < word.len() {
            break;
        }
    }
    length
}

#[cfg(test)]
mod tests {
    use super::{super::action::named, *};

    #[test]
    fn each_twin_is_an_action_that_there_is() {
        for (command, twin) in TWINS {
            if let Twin::Key(action) = twin {
                assert!(named(action).is_some(), "{command}: there is no action {action}");
            }
        }
    }

    #[test]
    fn a_command_is_told_as_the_key_that_does_it_and_the_rest_of_the_sentence_stays() {
        let model = Model::new(chrono::DateTime::UNIX_EPOCH, Vec::new());
        for (said, told) in [
            (
                "no; decide on that one first: codeblue change show CHG-7",
                "no; decide on that one first: CHG-7 (: finds it)",
            ),
            (
                "ask somebody with that role: codeblue operator list shows who has it",
                &format!("ask somebody with that role: {} shows who has it", model.key("team")),
            ),
            (
                "wait for it, or stop it: codeblue recovery cancel REC-3 --reason WHY",
                &format!("wait for it, or stop it: {} on REC-3", model.key("cancel")),
            ),
            ("name an open one: codeblue incident list --open", "name an open one: pane 2"),
            ("faults are for the sandbox alone: codeblue demo", "faults are for the sandbox alone: codeblue demo"),
            (
                "codeblue runbook list; or roll back by hand: codeblue rollback",
                &format!("{}; or roll back by hand: {}", model.key("books"), model.key("roll-back")),
            ),
        ] {
            assert_eq!(model.in_keys(said), told, "{said}");
        }
    }
}
