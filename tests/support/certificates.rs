//! Certificates for servers and clients on this machine, made by `openssl`.

use crate::redis_process::new_folder;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority, and what it issued: a certificate for 127.0.0.1, and one for a client.
#[derive(Debug)]
pub struct Certificates {
    folder: PathBuf,
}

impl Certificates {
    /// A new authority.
    #[must_use]
    pub fn new() -> Self {
        let folder = new_folder();
        let made = |path: &str| folder.join(path).display().to_string();
        let extensions = made("extensions");
        fs::write(&extensions, "subjectAltName = IP:127.0.0.1, DNS:localhost\n").expect("its folder is new");
        let key = |to: &str| {
            vec!["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout"]
                .into_iter()
                .map(str::to_owned)
                .chain([made(&format!("{to}.key")), "-out".to_owned()])
                .collect::<Vec<_>>()
        };
        let with = |mut words: Vec<String>, more: &[&str]| {
            words.extend(more.iter().map(ToString::to_string));
            openssl(&words);
        };
        with(key("ca"), &[&made("ca.pem"), "-x509", "-days", "2", "-subj", "/CN=authority"]);
        for name in ["server", "client"] {
            with(key(name), &[&made("request"), "-subj", &format!("/CN={name}")]);
            let sign = ["x509", "-req", "-days", "2", "-CAcreateserial", "-in"].map(str::to_owned).to_vec();
            let (authority, signing) = (made("ca.pem"), made("ca.key"));
            let to = made(&format!("{name}.pem"));
            with(
                sign,
                &[
                    &made("request"),
                    "-CA",
                    &authority,
                    "-CAkey",
                    &signing,
                    "-extfile",
                    &extensions,
                    "-out",
                    &to,
                ],
            );
        }
        Self { folder }
    }

    /// The file of `ca.pem`, `server.pem`, `server.key`, `client.pem` or `client.key`.
    #[must_use]
    pub fn path(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }

    /// What stands in that file.
    #[must_use]
    pub fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).expect("it was made")
    }

    /// What a server is started with to speak TLS on `port`, and to ask its clients for certificates or not.
    #[must_use]
    pub fn options(&self, port: u16, clients: bool) -> Vec<String> {
        let port = port.to_string();
        let ask = if clients { "yes" } else { "no" };
        let (certificate, key, authority) =
            (self.path("server.pem"), self.path("server.key"), self.path("ca.pem"));
        let options = [
            ["--tls-port", &port],
            ["--tls-cert-file", &certificate],
            ["--tls-key-file", &key],
            ["--tls-ca-cert-file", &authority],
            ["--tls-auth-clients", ask],
        ];
        options.concat().into_iter().map(str::to_owned).collect()
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(Path::new(&self.folder));
    }
}

fn openssl(words: &[String]) {
    let made = Command::new("openssl").args(words).output().expect("the tests of TLS need openssl");
    assert!(made.status.success(), "openssl {words:?}: {}", String::from_utf8_lossy(&made.stderr));
}
