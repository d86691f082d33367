//! Takes identifiers out of evidence before it is kept: e-mail addresses, network addresses and long numbers.

/// A line that may be stored and shown: without control characters, identifiers replaced by their class.
#[must_use]
pub fn redact(line: &str) -> String {
    let clean: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    clean
        .split(' ')
        .map(|word| {
            let core = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
            match class(core) {
                Some(class) => word.replace(core, class),
                None => word.to_owned(),
            }
        })
        .collect::<Vec<_>>()
        .join(" ")
}

fn class(word: &str) -> Option<&'static str> {
    if let Some((name, domain)) = word.split_once('@')
        && !name.is_empty()
        && domain.contains('.')
    {
        return Some("[EMAIL]");
    }
    let host = word.split(':').next().unwrap_or(word);
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>()
        && !address.is_loopback()
    {
        return Some("[IP]");
    }
    let value = word.rsplit('=').next().unwrap_or(word);
    let digits = value.chars().filter(char::is_ascii_digit).count();
    (digits >= 6 && value.chars().all(|c| c.is_ascii_digit() || "-/ ".contains(c))).then_some("[NUMBER]")
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn identifiers_go_and_the_rest_stays() {
        assert_eq!(
            redact("mail to jane.doe@clinic.org, mrn=12345678 from 10.1.2.3:443: column dose_unit at 127.0.0.1:80"),
            "mail to [EMAIL], [NUMBER] from [IP]: column dose_unit at 127.0.0.1:80"
        );
        assert_eq!(redact("a\x1b[31mb"), "a [31mb");
    }
}
