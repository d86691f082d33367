//! The table `[listen]`: where the engine listens beyond its socket.

use std::net::{IpAddr, SocketAddr};

use super::{
    listen::{CertificateFiles, Listen},
    reader::{Reader, Section, Value},
};

const ADDRESS: &str = "an address of this host and a port, such as \"0.0.0.0:8443\" or \"[::]:8443\"";
const FILES: &str = "{ cert = \"…\", key = \"…\" }, two PEM files";
/// More names do not fit into what clients expect of a certificate.
const NAMES: usize = 50;

pub(super) fn listen(root: &mut Section<'_, '_>, reader: &mut Reader) -> Option<Listen> {
    let value = root.get("listen")?;
    let mut section = reader.section(value, "listen", "a table headed [listen]")?;
    let tls = section.require(reader, "tls", ADDRESS, address);
    let names = section.read(reader, "names", |reader, value, place| Some(names(reader, value, place)));
    let certificate = section.read(reader, "certificate", certificate);
    section.finish(reader);
    Some(Listen { tls: tls?, names: names.unwrap_or_default(), certificate })
}

fn address(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<SocketAddr> {
    let text = reader.text(value, place, ADDRESS)?;
    if let Ok(address) = text.value.parse() {
        return Some(address);
    }
    let port = text.value.trim_start_matches(['*', ':']).parse::<u16>();
    let meant = port.ok().map(|port| format!("0.0.0.0:{port}"));
    reader.report(text.at, place, format!("{:?} is no address", text.value), ADDRESS.to_owned(), meant);
    None
}

fn names(reader: &mut Reader, value: &Value<'_>, place: &str) -> Vec<String> {
    let expected = "a name such as \"db1.example\", or an address such as \"192.0.2.7\", without a port";
    let mut found: Vec<String> = Vec::new();
    for item in reader.items(value, place, "names") {
        let Some(name) = reader.text(item, place, expected) else { continue };
        if !is_host(&name.value) {
            reader.problem(name.at, place, format!("{:?} is no name of a host", name.value), expected);
        } else if found.contains(&name.value) {
            reader.problem(name.at, place, format!("{:?} stands there twice", name.value), "each name once");
        } else if found.len() == NAMES {
            reader.problem(name.at, place, "there are too many", format!("at most {NAMES} names"));
            break;
        } else {
            found.push(name.value);
        }
    }
    found
}

/// Whether it is an address, or a name as RFC 1123 has it.
fn is_host(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(letters)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.split('.').all(label))
}

fn certificate(reader: &mut Reader, value: &Value<'_>, place: &str) -> Option<CertificateFiles> {
    let mut section = reader.section(value, place, FILES)?;
    let cert = section.require(reader, "cert", FILES, Reader::path);
    let key = section.require(reader, "key", FILES, Reader::path);
    section.finish(reader);
    Some(CertificateFiles { cert: cert?.value, key: key?.value })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::platform::parse;

    fn read(listen: &str) -> Result<super::Listen, String> {
        let service = "[[service]]\nname = \"desk\"\n[[service.check]]\ntcp = \"desk:80\"\n";
        let text = format!("[platform]\nname = \"Ward\"\n[listen]\n{listen}\n{service}");
        let platform =
            parse(&text, Path::new("/etc/codeblue/codeblue.toml")).map_err(|problems| problems.to_string())?;
        Ok(platform.listen.expect("it listens"))
    }

    #[test]
    fn an_address_is_read_with_names_and_a_certificate_beside_the_file() {
        let listen = read(
            "tls = \"[::]:8443\"\nnames = [\"db1.example\", \"192.0.2.7\"]\ncertificate = { cert = \"tls/cert.pem\", key = \"/k.pem\" }",
        );
        let listen = listen.expect("it is right");
        assert_eq!((listen.tls.port(), listen.names.len()), (8443, 2));
        let files = listen.certificate.expect("both files are named");
        assert_eq!(
            (files.cert.as_path(), files.key.as_path()),
            (Path::new("/etc/codeblue/tls/cert.pem"), Path::new("/k.pem"))
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let cases = [
            ("", "listen: \"tls\" is missing"),
            ("tls = \":8443\"", "codeblue.toml:4: listen.tls: \":8443\" is no address; did you mean \"0.0.0.0:8443\"?"),
            (
                "tls = \"db1:8443\"",
                "codeblue.toml:4: listen.tls: \"db1:8443\" is no address; expected an address of this host",
            ),
            (
                "tls = \"0.0.0.0:8443\"\nnames = [\"db1:8443\", \"-a\", \"a\", \"a\"]",
                "listen.names: \"db1:8443\" is no name of a host",
            ),
            ("tls = \"0.0.0.0:8443\"\nnames = [\"a\", \"a\"]", "listen.names: \"a\" stands there twice"),
            ("tls = \"0.0.0.0:8443\"\ncertificate = { cert = \"c.pem\" }", "listen.certificate: \"key\" is missing"),
            ("tls = \"0.0.0.0:8443\"\nhttp = \"0.0.0.0:80\"", "codeblue.toml:5: listen: unknown key \"http\""),
        ];
        for (listen, told) in cases {
            let problems = read(listen).expect_err(listen);
            assert!(problems.contains(told), "{listen}: {problems}");
        }
    }
}
