//! How the board looks: the themes there are, the one that is kept, and the one that is tried on.

use std::sync::LazyLock;

use super::{
    message::Request,
    model::{Model, Overlay},
    settings::Setup,
    theme::{Colours, Shelf, Theme},
};
use crate::platform::count;

/// The themes there are, and the one that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// All of them.
    pub shelf: Shelf,
    /// The name of the one that is kept.
    pub kept: String,
}

impl Default for Look {
    fn default() -> Self {
        static SHIPPED: LazyLock<Shelf> = LazyLock::new(|| Shelf::shipped(Colours::Sixteen));
        Self { shelf: SHIPPED.clone(), kept: "default".to_owned() }
    }
}

impl Look {
    /// Why another theme is shown in place of one; none when it is shown itself.
    fn instead(&self, name: &str) -> Option<String> {
        let instead = self.shelf.named(name)?.instead.as_ref()?;
        Some(format!("this terminal has too few colours for {name}: {instead} is shown"))
    }
}

impl Model {
    /// How things look now: as the theme that is tried on, else as the one that is kept.
    #[must_use]
    pub fn theme(&self) -> Theme {
        let tried = match self.overlay {
            Some(Overlay::Themes { selected }) => self.look.shelf.choices().get(selected),
            _ => None,
        };
        self.look.shelf.theme(tried.map_or(&self.look.kept, |choice| &choice.name))
    }

    /// Takes over what a home says about the board. What is wrong there is told, and the defaults stand for it.
    pub fn set_up(&mut self, setup: Setup) {
        self.keymap = setup.settings.keymap;
        self.look = Look { shelf: setup.shelf, kept: setup.settings.theme };
        self.problems = setup.problems.iter().map(ToString::to_string).collect();
        self.remember(setup.preferences);
        match self.problems.as_slice() {
            [] => {
                if let Some(instead) = self.look.instead(&self.look.kept) {
                    self.say(instead, false);
                }
            }
            [first, ..] => {
                let (problems, help) = (count(self.problems.len(), "problem"), self.key("help"));
                self.say(
                    format!("{problems} in your settings, {help} lists them and the defaults stand: {first}"),
                    true,
                );
            }
        }
    }
}

/// Opens the menu of themes at the one that is kept.
pub fn try_on(model: &mut Model) -> Vec<Request> {
    let choices = model.look.shelf.choices();
    let selected = choices.iter().position(|choice| choice.name == model.look.kept).unwrap_or(0);
    model.overlay = Some(Overlay::Themes { selected });
    Vec::new()
}

/// Keeps a theme of the menu.
pub fn keep(model: &mut Model, place: usize) -> Vec<Request> {
    let Some(choice) = model.look.shelf.choices().get(place) else { return Vec::new() };
    model.look.kept.clone_from(&choice.name);
    let name = choice.name.clone();
    if let Some(instead) = model.look.instead(&name) {
        model.say(instead, false);
    }
    vec![Request::KeepTheme(name)]
}
