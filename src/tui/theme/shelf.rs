//! All themes there are, as the terminal can show them.

use std::{collections::BTreeMap, path::PathBuf};

use ratatui::style::{Color, Style};

use super::{
    Role, Theme,
    colour::{Colours, nearest_indexed, needs},
    file::{Patch, ThemeFile, read},
};
use crate::platform::Problem;

/// The themes that come with the program, in the order of the menu.
const SHIPPED: [(&str, &str); 8] = [
    ("default", include_str!("../../../themes/default.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("midnight", include_str!("../../../themes/midnight.toml")),
    ("paper", include_str!("../../../themes/paper.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../../themes/deuteranopia.toml")),
    ("tritanopia", include_str!("../../../themes/tritanopia.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// The theme that others change where they name none.
const ROOT: &str = "default";
/// The theme without colours.
const COLOURLESS: &str = "mono";

/// All themes there are, as the terminal can show them; never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Shelf {
    choices: Vec<ThemeChoice>,
}

/// A theme to choose.
#[derive(Debug, Clone, PartialEq)]
pub struct ThemeChoice {
    /// Its name.
    pub name: String,
    /// What it is, in one line.
    pub about: String,
    /// How it looks here.
    pub theme: Theme,
    /// What is shown in its place, because the terminal has too few colours for it.
    pub instead: Option<String>,
}

impl Shelf {
    /// The themes that come with the program.
    #[must_use]
    pub fn shipped(colours: Colours) -> Self {
        Self::with(&[], colours).0
    }

    /// The same with a person's own, each by its file; one of the same name takes the other's place and may change it. What is wrong with
    /// them does not hold.
    #[must_use]
    pub fn with(own: &[(PathBuf, String)], colours: Colours) -> (Self, Vec<Problem>) {
        let named = |file: &PathBuf| file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut names: Vec<String> = SHIPPED.iter().map(|(name, _)| (*name).to_owned()).collect();
        for name in own.iter().map(|(file, _)| named(file)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut problems = Vec::new();
        let shipped = SHIPPED.into_iter().map(|(name, text)| (name.to_owned(), read(name.as_ref(), text, &known).0));
        let mut library = Library { shipped: shipped.collect(), own: BTreeMap::new() };
        for (file, text) in own {
            let (theme, wrong) = read(file, text, &known);
            problems.extend(wrong);
            library.own.insert(named(file), theme);
        }
        for (file, _) in own {
            if library.roles(&named(file)).is_none() {
                problems.push(goes_round(file));
                library.own.remove(&named(file));
            }
        }
        names.retain(|name| library.file(name).is_some());
        let choices = names.iter().map(|name| library.choice(name, colours)).collect();
        (Self { choices }, problems)
    }

    /// All of them, in the order of the menu.
    #[must_use]
    pub fn choices(&self) -> &[ThemeChoice] {
        &self.choices
    }

    /// The one with a name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&ThemeChoice> {
        self.choices.iter().find(|choice| choice.name == name)
    }

    /// How the one with a name looks; how the default does, when there is none.
    #[must_use]
    pub fn theme(&self, name: &str) -> Theme {
        let found = self.named(name).or_else(|| self.choices.first());
        found.map_or(Theme { looks: [Style::new(); Role::ALL.len()] }, |choice| choice.theme)
    }
}

fn goes_round(file: &std::path::Path) -> Problem {
    Problem {
        file: file.display().to_string(),
        line: None,
        column: None,
        place: "inherits".to_owned(),
        what: "it inherits from itself in the end".to_owned(),
        expected: format!("a chain of themes that ends at {ROOT:?}"),
        nearest: None,
    }
}

/// What all themes say.
struct Library {
    shipped: BTreeMap<String, ThemeFile>,
    own: BTreeMap<String, ThemeFile>,
}

impl Library {
    fn file(&self, name: &str) -> Option<&ThemeFile> {
        self.own.get(name).or_else(|| self.shipped.get(name))
    }

    /// How every role looks; none when a theme inherits from itself.
    fn roles(&self, name: &str) -> Option<[Patch; Role::ALL.len()]> {
        let mut chain: Vec<&ThemeFile> = Vec::new();
        let mut at = name;
        let mut file = self.file(at)?;
        // One that changes the shipped theme of its own name goes on there.
        while !chain.iter().any(|passed| std::ptr::eq(*passed, file)) {
            chain.push(file);
            let next = file.inherits.as_deref().unwrap_or(ROOT);
            let is_root = self.shipped.get(ROOT).is_some_and(|root| std::ptr::eq(root, file));
            if is_root {
                let mut roles = [Patch::default(); Role::ALL.len()];
                for file in chain.iter().rev() {
                    for (role, patch) in &file.roles {
                        let before = &mut roles[*role as usize];
                        before.colour = patch.colour.or(before.colour);
                        before.on = patch.on.or(before.on);
                        before.modifiers = patch.modifiers.or(before.modifiers);
                    }
                }
                return Some(roles);
            }
            file = if next == at { self.shipped.get(next)? } else { self.file(next)? };
            at = next;
        }
        None
    }

    /// A theme as a terminal with so many colours can show it.
    fn choice(&self, name: &str, colours: Colours) -> ThemeChoice {
        let about = self.file(name).map(|file| file.about.clone()).unwrap_or_default();
        let mut passed: Vec<&str> = Vec::new();
        let mut shown = name;
        loop {
            let roles = self.roles(shown).unwrap_or_default();
            let most = roles.iter().flat_map(|patch| [patch.colour, patch.on]).flatten().map(needs).max();
            let most = most.unwrap_or(Colours::None);
            let fits = most <= colours || (most == Colours::True && colours == Colours::Indexed);
            if fits || shown == COLOURLESS {
                let mut looks = roles.map(|patch| look(patch, colours));
                // Where text has a colour of its own, so has all that names none: a title on a border is no border.
                let text = looks[Role::Text as usize].fg;
                for look in &mut looks {
                    look.fg = look.fg.or(text);
                }
                let theme = Theme { looks };
                return ThemeChoice {
                    name: name.to_owned(),
                    about,
                    theme,
                    instead: (shown != name).then(|| shown.to_owned()),
                };
            }
            passed.push(shown);
            let next = self.file(shown).and_then(|file| file.fallback.as_deref()).unwrap_or(ROOT);
            shown = if colours == Colours::None || passed.contains(&next) { COLOURLESS } else { next };
        }
    }
}

fn look(patch: Patch, colours: Colours) -> Style {
    let shown = |colour: Option<Color>| {
        let colour = colour.filter(|colour| *colour != Color::Reset && colours != Colours::None)?;
        Some(if colours == Colours::Indexed { nearest_indexed(colour) } else { colour })
    };
    Style {
        fg: shown(patch.colour),
        bg: shown(patch.on),
        ..Style::new().add_modifier(patch.modifiers.unwrap_or_default())
    }
}
