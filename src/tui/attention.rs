//! What calls somebody back who looks elsewhere: the title of the terminal, and its bell on a new SEV1.

use super::{
    model::{Link, Model},
    text,
};
use crate::domain::Severity;

/// What the terminal's title says: how bad it is, first.
#[must_use]
pub fn title(model: &Model) -> String {
    let name = text::clean(&model.state.platform.name);
    let worst = Severity::ALL.into_iter().find_map(|severity| {
        let many = model.state.open_incidents().filter(|incident| incident.severity == severity).count();
        (many > 0).then(|| format!("{severity} ×{many}"))
    });
    match (&model.link, worst) {
        (Link::Connecting, _) => "codeblue".to_owned(),
        (Link::Lost { .. }, _) => format!("LINK LOST · {name} · codeblue"),
        (Link::Live, Some(worst)) => format!("{worst} · {name} · codeblue"),
        (Link::Live, None) => format!("{name} · codeblue"),
    }
}
