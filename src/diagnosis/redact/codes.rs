//! How much of the value under the key of a number or a code is one.

use std::net::IpAddr;

use super::{class::Class, fields::Field, keys::Says, lists::look_up, page::Page};

/// A number or a code: what is in quotes as a whole, otherwise its first word with the groups of digits behind it.
pub(super) fn code(
    page: &Page,
    field: &Field,
    class: Class,
    says: Says,
    value: &str,
    start: usize,
    tell: &mut dyn FnMut(Class, usize, usize),
) {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    // Machines have devices, accounts and records as well: their numbers are long.
    let machine = matches!(
        class,
        Class::Device | Class::Id | Class::Account | Class::Plan | Class::Licence | Class::Biometric | Class::Vehicle
    ) && !page.person
        && field.key.len() < 9;
    let least = if machine { 5 } else { 1 };
    if field.closed && value.len() <= 200 && !value.contains("://") {
        if digits(value) >= least.min(2) && digits(value) >= 1
            || (says == Says::Surely
                && matches!(class, Class::Vehicle | Class::Biometric | Class::Mrn)
                && value.len() < 24
                && !look_up(value).word)
        {
            tell(class, start, start + value.len());
        }
        return;
    }
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '/' | '_' | '*' | '#' | ':' | '+' | '=' | '~');
    let word = |from: usize| value[from..].chars().take_while(|c| part(*c)).map(char::len_utf8).sum::<usize>();
    let lead = value.len() - value.trim_start_matches(['#', '(', '"', '\'', '$', '[', ' ']).len();
    let mut end = lead + word(lead);
    while value[lead..end].ends_with(['.', ':', '-', ',', '=']) {
        end -= 1;
    }
    let joined = value[lead..end].contains("://");
    if joined || end == lead {
        return;
    }
    // `MRN: H 1234`, `D 1234 567`
    if digits(&value[lead..end]) == 0
        && end - lead <= 4
        && value[lead..end].chars().all(|c| c.is_ascii_uppercase())
        && value[end..].starts_with([' ', '-'])
    {
        let more = word(end + 1);
        if digits(&value[end + 1..end + 1 + more]) >= 2 {
            end += 1 + more;
        }
    }
    while let Some(rest) = value[end..].strip_prefix(' ') {
        let more: usize = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '-').map(char::len_utf8).sum();
        let group = &rest[..more];
        let plain = group.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
        let edge = rest[more..].chars().next().is_none_or(|c| matches!(c, ' ' | ',' | '.' | ')' | '\'' | '"'));
        let year = field.prose && group.len() == 4 && group.starts_with("20");
        if more == 0
            || more > 7
            || digits(group) < 2 && !(class == Class::Vehicle && more < 5 && digits(&value[lead..end]) < 5)
            || !plain
            || !edge
            || year
            || end - lead > 40
        {
            break;
        }
        end += 1 + more;
    }
    let held = &value[lead..end];
    let enough = digits(held) >= least && digits(held) >= 1
        || class == Class::Vehicle
            && says == Says::Surely
            && held.len() > 4
            && held.chars().all(|c| c.is_ascii_uppercase() || c == '-')
        || class == Class::Biometric && held.len() > 12;
    let long = held.len() >= if machine { 5 } else { 2 };
    let address = held.parse::<IpAddr>().is_ok() || held.starts_with("0x") && machine;
    let decimal = machine && held.parse::<f64>().is_ok() && held.contains('.');
    if enough && long && !address && !decimal && !(class == Class::Ssn && digits(held) < 4) {
        tell(class, start + lead, start + end);
    }
}
