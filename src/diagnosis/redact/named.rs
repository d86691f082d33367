//! How much of the value under the key of a name is one.

use super::{class::Class, fields::Field, keys::Says, lists::look_up, names, page::Page};

/// Accounts of machines.
const MACHINES: [&str; 26] = [
    "root",
    "admin",
    "administrator",
    "test",
    "guest",
    "nobody",
    "daemon",
    "system",
    "oracle",
    "postgres",
    "mysql",
    "user",
    "www-data",
    "nginx",
    "apache",
    "git",
    "ubuntu",
    "service",
    "svc",
    "operator",
    "backup",
    "ftp",
    "mail",
    "sshd",
    "anonymous",
    "default",
];

/// The name in a value, if it holds one.
pub(super) fn name(
    page: &Page,
    field: &Field,
    value: &str,
    start: usize,
    says: Says,
    tell: &mut dyn FnMut(Class, usize, usize),
) {
    if !value.contains(char::is_alphabetic) || value.contains("://") {
        return;
    }
    if field.closed && value.len() <= 100 {
        let account = MACHINES.contains(&value.to_lowercase().as_str());
        let user = field.key.to_ascii_lowercase().contains("user") || field.key.to_ascii_lowercase().contains("login");
        let wanted = match says {
            Says::Surely => true,
            Says::Likely if user && !account => !value.contains(' ') || names::is_name(value, true),
            Says::Likely => !account && names::is_name(value, true),
            Says::Perhaps => names::is_name(value, page.person) || names::is_name(value, true) && page.person,
        };
        if wanted && !(says == Says::Surely && value.contains('{')) {
            tell(Class::Name, start, start + value.len());
        }
        return;
    }
    // As far as it can be one: to the comma of a list, to a bracket, to a word that is none.
    let mut end = 0;
    let mut words = 0;
    let mut comma = false;
    let small = value.starts_with(char::is_lowercase);
    for part in value.split_inclusive([' ', '+', ',']) {
        let word = part.trim_end_matches([' ', '+', ',', '.', ')', ']']);
        let known = look_up(word);
        let capital = word.starts_with(char::is_uppercase);
        let particle = matches!(
            word,
            "van"
                | "von"
                | "de"
                | "del"
                | "der"
                | "den"
                | "da"
                | "di"
                | "la"
                | "le"
                | "bin"
                | "al"
                | "el"
                | "dos"
                | "y"
                | "st"
                | "ter"
        );
        let fits = word.chars().next().is_none_or(char::is_alphabetic)
            && !word.contains(['=', '/', ':', '_', '(', '@'])
            && (capital && (!field.prose || words == 0 || !known.word || known.given || known.family)
                || particle
                || small && (words == 0 || known.given || known.family || !known.word && !field.prose));
        let unicode = word.chars().any(|c| c as u32 > 0x2ff) && word.chars().all(char::is_alphanumeric);
        if !(fits || unicode) || words == 5 {
            break;
        }
        words += usize::from(!word.is_empty());
        end += part.len();
        if part.ends_with(',') || part.ends_with(", ") {
            // `Smith, John` goes on, `John Smith, admitted` and a list do not.
            let next = value[end..].trim_start();
            let following: String = next.chars().take_while(|c| c.is_alphabetic() || matches!(c, '\'' | '-')).collect();
            let known = look_up(&following);
            if comma
                || words != 1
                || following.is_empty()
                || following.starts_with(char::is_lowercase) && !small
                || known.word && !known.given
            {
                break;
            }
            comma = true;
        }
        if part.trim_end().ends_with([')', ']']) || word.len() > 2 && part.trim_end().ends_with('.') {
            break;
        }
    }
    let held = value[..end].trim_end_matches([' ', '+', ',', '.', ')', ']', '-', ':', '\'']);
    if held.is_empty() {
        if says == Says::Surely && !field.prose {
            let word = value.find([' ', ',', ')']).unwrap_or(value.len());
            if word <= 64 {
                tell(Class::Name, start, start + word);
            }
        } else if says == Says::Likely
            && (field.key.to_ascii_lowercase().contains("user") || field.key.to_ascii_lowercase().contains("login"))
            && !field.prose
        {
            account(value, start, tell);
        }
        return;
    }
    let machine = MACHINES.contains(&held.to_lowercase().as_str());
    let first = look_up(held.split([' ', ',', '+']).next().unwrap_or_default());
    let wanted = match says {
        Says::Surely => !field.prose || !first.word || first.given || first.family || page.person && held.contains(' '),
        Says::Likely => {
            !machine
                && (names::is_name(held, true)
                    || !field.prose && !held.contains(' ') && field.key.to_ascii_lowercase().contains("user"))
        }
        Says::Perhaps => names::is_name(held, page.person),
    };
    if wanted && !machine {
        tell(Class::Name, start, start + held.len());
    }
}

/// The name of an account, such as `jsmith42`.
fn account(value: &str, start: usize, tell: &mut dyn FnMut(Class, usize, usize)) {
    let word = &value[..value.find([' ', ',', ')', ';', '\'', '"']).unwrap_or(value.len())];
    if !MACHINES.contains(&word.to_lowercase().as_str())
        && word.len() > 2
        && word.len() < 40
        && word.contains(char::is_alphabetic)
        && !word.contains('/')
    {
        tell(Class::Name, start, start + word.len());
    }
}

/// Whether an account is one that every machine has.
pub(super) fn is_machine(account: &str) -> bool {
    MACHINES.contains(&account.to_lowercase().as_str())
}
