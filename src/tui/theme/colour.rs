//! Colours: how they are written, what a terminal can show of them, and how well one reads on another.

use ratatui::style::Color;

/// What a terminal can show, and what a theme needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colours {
    /// None, or none are wanted.
    None,
    /// The 16 that its owner set.
    Sixteen,
    /// 256, of which those from 16 on are the same everywhere.
    Indexed,
    /// Any.
    True,
}

impl Colours {
    /// What a terminal says of itself in `TERM` and `COLORTERM`.
    #[must_use]
    pub fn of_terminal(term: &str, colorterm: &str) -> Self {
        if matches!(colorterm, "truecolor" | "24bit") || term.ends_with("-direct") {
            Self::True
        } else if term.contains("256color") {
            Self::Indexed
        } else {
            Self::Sixteen
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::None => "no colours",
            Self::Sixteen => "16 colours",
            Self::Indexed => "256 colours",
            Self::True => "true colour",
        }
    }
}

/// The 16 colours of a terminal, by their words.
pub(super) const NAMED: [(&str, Color); 16] = [
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("white", Color::Gray),
    ("bright-black", Color::DarkGray),
    ("bright-red", Color::LightRed),
    ("bright-green", Color::LightGreen),
    ("bright-yellow", Color::LightYellow),
    ("bright-blue", Color::LightBlue),
    ("bright-magenta", Color::LightMagenta),
    ("bright-cyan", Color::LightCyan),
    ("bright-white", Color::White),
];

/// A colour as `#rrggbb`.
pub(super) fn from_hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| digits.chars().all(|c| c.is_ascii_hexdigit()))?;
    let [_, red, green, blue] = number.to_be_bytes();
    Some(Color::Rgb(red, green, blue))
}

/// What a terminal has to show for a colour.
pub(super) fn needs(colour: Color) -> Colours {
    match colour {
        Color::Rgb(..) => Colours::True,
        Color::Indexed(16..) => Colours::Indexed,
        Color::Reset => Colours::None,
        _ => Colours::Sixteen,
    }
}

/// The steps of red, green and blue in the cube of the 256 colours.
const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];

/// Red, green and blue of a colour that is the same on every terminal.
pub(super) fn rgb(colour: Color) -> Option<[u8; 3]> {
    match colour {
        Color::Rgb(red, green, blue) => Some([red, green, blue]),
        Color::Indexed(grey @ 232..) => Some([8 + 10 * (grey - 232); 3]),
        Color::Indexed(place @ 16..) => {
            let place = usize::from(place - 16);
            Some([STEPS[place / 36], STEPS[place / 6 % 6], STEPS[place % 6]])
        }
        _ => None,
    }
}

/// The nearest of the 256 colours that are the same on every terminal.
pub(super) fn nearest_indexed(colour: Color) -> Color {
    let Color::Rgb(red, green, blue) = colour else { return colour };
    let far = |place: &u8| {
        let other = rgb(Color::Indexed(*place)).unwrap_or_default();
        let of = |(a, b): (u8, u8)| u32::from(a.abs_diff(b)).pow(2);
        [red, green, blue].into_iter().zip(other).map(of).sum::<u32>()
    };
    Color::Indexed((16..=255).min_by_key(far).unwrap_or(16))
}

/// How well one colour reads on another, from 1 to 21: WCAG 2.2, "contrast ratio" and "relative luminance".
pub(super) fn contrast(a: [u8; 3], b: [u8; 3]) -> f64 {
    let luminance = |colour: [u8; 3]| {
        let [red, green, blue] = colour.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// How much light a part of a colour is, from 0 to 1.
pub(super) fn linear(part: u8) -> f64 {
    let part = f64::from(part) / 255.0;
    if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
}
