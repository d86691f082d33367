//! How a screen is divided: from its size, and from what is zoomed in on, to the places of its parts. Pure, and the only room
//! that knows from how many columns on something stands beside something else.
//!
//! ```text
//! below 40×10   one line that sums up       from 100 columns   the halves of a page beside each other
//! below 20 rows the board, a pane at a time from 160 columns   the page of what is selected beside its list
//! ```

use ratatui::layout::Rect;

/// Columns and rows below which there is one line that sums up.
pub const TINY: (u16, u16) = (40, 10);
/// Columns from which the halves of a page stand beside each other.
pub const WIDE: u16 = 100;
/// Columns from which the panes of the board stand beside each other: in fewer a service has no room for why it is not well.
pub const PANES: u16 = 104;
/// Columns from which the page of what is selected stands beside its list.
pub const VERY_WIDE: u16 = 160;
/// Rows of a page below which the board shows one pane at a time.
pub const SHORT: u16 = 17;
/// Rows of a page below which a list stands alone, and buttons take one row: what else the page says has no room.
pub const LIST_ALONE: u16 = 12;
/// Rows that a pane of the board takes at least, borders included.
const LEAST: u16 = 3;

/// What of a page is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zoom {
    /// All of it.
    #[default]
    Out,
    /// The part with the focus alone.
    In,
}

/// Where the panes of the board stand, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panes {
    /// All four.
    All([Rect; 4]),
    /// The one with the focus, below a line with the names of all.
    One {
        /// The names.
        names: Rect,
        /// The pane.
        pane: Rect,
    },
}

/// Whether there is room for one line that sums up, and for nothing else.
#[must_use]
pub fn is_tiny(area: Rect) -> bool {
    area.width < TINY.0 || area.height < TINY.1
}

/// A list, and beside it the page of what is selected there, where there is room for both.
#[must_use]
pub fn list_and_page(area: Rect, zoom: Zoom) -> (Rect, Option<Rect>) {
    if area.width < VERY_WIDE || zoom == Zoom::In {
        return (area, None);
    }
    // The list keeps the columns in which its halves stand beside each other; what is more is shared.
    let list = WIDE + (area.width - VERY_WIDE) * 2 / 5;
    let (list, page) = columns(area, list);
    (list, Some(page))
}

/// The first `left` columns, and the rest.
#[must_use]
pub fn columns(area: Rect, left: u16) -> (Rect, Rect) {
    let left = left.min(area.width);
    (Rect { width: left, ..area }, Rect { x: area.x + left, width: area.width - left, ..area })
}

/// The first `upper` rows, and the rest.
#[must_use]
pub fn rows(area: Rect, upper: u16) -> (Rect, Rect) {
    let upper = upper.min(area.height);
    (Rect { height: upper, ..area }, Rect { y: area.y + upper, height: area.height - upper, ..area })
}

/// The two halves of a page that has `percent` of its columns in the first: beside each other, or none where that is too narrow.
#[must_use]
pub fn halves(area: Rect, percent: u16) -> Option<(Rect, Rect)> {
    (area.width >= WIDE).then(|| columns(area, (u32::from(area.width) * u32::from(percent) / 100) as u16))
}

/// The panes of the board, of which incidents, approvals and snapshots have so many rows to show.
#[must_use]
pub fn board(area: Rect, rows_of: [u16; 3], zoom: Zoom) -> Panes {
    if zoom == Zoom::In || area.height < SHORT {
        let (names, pane) = rows(area, 1);
        return Panes::One { names, pane };
    }
    Panes::All(if area.width >= PANES { beside(area, rows_of) } else { below(area, rows_of) })
}

/// The services to the left, the others to the right: each has a share, and what one does not need the next may take.
fn beside(area: Rect, rows_of: [u16; 3]) -> [Rect; 4] {
    let (services, right) = columns(area, area.width * 46 / 100);
    let share = |percent: u16| (right.height * percent / 100).max(LEAST + 2);
    let wants = |rows: u16, share: u16| (rows.saturating_add(3)).clamp(LEAST + 2, share.max(LEAST + 2));
    let snapshots = wants(rows_of[2], share(34));
    let approvals = wants(rows_of[1].saturating_add(2), share(36));
    let (incidents, rest) = rows(right, right.height.saturating_sub(snapshots + approvals));
    let (approvals, snapshots) = rows(rest, approvals);
    [services, incidents, approvals, snapshots]
}

/// One below the other: what is below the services gets what it needs, the services the rest.
fn below(area: Rect, rows_of: [u16; 3]) -> [Rect; 4] {
    let spare = area.height.saturating_sub(4 + 9);
    let most = spare / 5 + 1;
    // Where there is room, one more for the headings.
    let head = u16::from(spare > 12);
    let need = |rows: u16, most: u16| rows.saturating_add(head).clamp(1, most.max(1)) + 2;
    let [incidents, approvals, snapshots] =
        [need(rows_of[0], most + 1), need(rows_of[1], most + 1), need(rows_of[2], most)];
    let (services, rest) = rows(area, area.height.saturating_sub(incidents + approvals + snapshots));
    let (incidents, rest) = rows(rest, incidents);
    let (approvals, snapshots) = rows(rest, approvals);
    [services, incidents, approvals, snapshots]
}

/// Where the panes of the page of all hosts stand, in the order of their numbers, of which there are so many rows to show.
#[must_use]
pub fn fleet(area: Rect, rows_of: [u16; 4], zoom: Zoom) -> Panes {
    if zoom == Zoom::In || area.height < SHORT {
        let (names, pane) = rows(area, 1);
        return Panes::One { names, pane };
    }
    // Borders, headings, and a line about the selected host.
    let hosts = rows_of[0].saturating_add(4).clamp(LEAST + 2, area.height * 2 / 5);
    let (hosts, rest) = rows(area, hosts);
    let wants = |rows: u16, most: u16| rows.saturating_add(3).clamp(LEAST, most.max(LEAST));
    if area.width >= PANES {
        let (incidents, right) = columns(rest, rest.width * 55 / 100);
        let (changes, services) = self::rows(right, wants(rows_of[2], right.height / 2));
        return Panes::All([hosts, incidents, changes, services]);
    }
    let (changes, services) = (wants(rows_of[2], rest.height / 4), wants(rows_of[3], rest.height / 3));
    let (incidents, rest) = rows(rest, rest.height.saturating_sub(changes + services));
    let (changes, services) = rows(rest, changes);
    Panes::All([hosts, incidents, changes, services])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(width: u16, height: u16) -> Rect {
        Rect { x: 0, y: 1, width, height }
    }

    /// Every size, every need: nothing lies outside, nothing lies on something else.
    #[test]
    fn parts_stay_inside_and_off_each_other() {
        for width in (0..=200).chain([400]) {
            for height in 0..=100 {
                for zoom in [Zoom::Out, Zoom::In] {
                    let whole = area(width, height);
                    let (list, page) = list_and_page(whole, zoom);
                    assert_eq!(list.width + page.map_or(0, |page| page.width), width);
                    for need in [[0, 0, 0], [1, 1, 1], [40, 3, 100], [u16::MAX; 3]] {
                        let places = match board(whole, need, zoom) {
                            Panes::All(places) => places.to_vec(),
                            Panes::One { names, pane } => vec![names, pane],
                        };
                        for (place, one) in places.iter().enumerate() {
                            assert_eq!(whole.intersection(*one), *one, "{width}x{height} {need:?}");
                            let apart = |other: &Rect| one.intersection(*other).area() == 0;
                            assert!(places[place + 1..].iter().all(apart), "{width}x{height} {need:?}");
                        }
                        let covered: u32 =
                            places.iter().map(|place| u32::from(place.width) * u32::from(place.height)).sum();
                        assert_eq!(covered, u32::from(width) * u32::from(height), "{width}x{height} {need:?}");
                        if let Panes::All(places) = fleet(whole, [need[0], need[1], need[2], need[0]], zoom) {
                            let covered: u32 = places.iter().map(|place| place.area()).sum();
                            assert_eq!(covered, whole.area(), "{width}x{height} {need:?}");
                            let is_apart = |place: usize, one: &Rect| {
                                places[place + 1..].iter().all(|other| one.intersection(*other).area() == 0)
                            };
                            assert!(places.iter().enumerate().all(|(place, one)| is_apart(place, one)), "{places:?}");
                            assert!(places.iter().all(|place| place.height >= LEAST), "{width}x{height}: {places:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_pane_of_the_board_has_room_for_a_row_or_stands_alone() {
        for width in 40..=200 {
            for height in 7..=100 {
                if let Panes::All(places) = board(area(width, height), [30, 30, 100], Zoom::Out) {
                    assert!(places.iter().all(|place| place.height >= LEAST), "{width}x{height}: {places:?}");
                }
            }
        }
    }

    #[test]
    fn a_page_stands_beside_its_list_from_160_columns_on_unless_the_list_is_zoomed_in_on() {
        assert_eq!(list_and_page(area(159, 40), Zoom::Out).1, None);
        let (list, page) = list_and_page(area(160, 40), Zoom::Out);
        assert_eq!((list.width, page.unwrap().width), (100, 60));
        assert_eq!(list_and_page(area(220, 40), Zoom::In), (area(220, 40), None));
    }
}
