//! Connections that nobody else reads: whom they trust, and as whom they come.

use crate::error::ConfigError;
use ::redis::{Client, ConnectionInfo, RedisResult};

/// Certificates for `rediss://`, in PEM; without an authority of one's own those of the system are trusted.
///
/// # Examples
/// ```
/// # #[cfg(feature = "tls")] {
/// # use cache_runtime::Tls;
/// # let (authority, certificate, key) = ("", "", "");
/// let tls = Tls::default().authority(authority).client(certificate, key);
/// # }
/// ```
#[derive(Clone, Default)]
#[must_use]
#[cfg_attr(not(feature = "tls"), expect(unreachable_pub, reason = "it is public with the feature"))]
pub struct Tls {
    authority: Option<Pem>,
    certificate: Option<Pem>,
    key: Option<Pem>,
}

/// A text, and what an error calls it.
#[derive(Clone)]
struct Pem {
    setting: &'static str,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "nobody looks into it without the feature"))]
    bytes: Vec<u8>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// Trusts servers whose certificates `authority` issued, and no others; it may be several.
    pub fn authority(self, authority: impl Into<Vec<u8>>) -> Self {
        Self { authority: Some(Pem { setting: "tls authority", bytes: authority.into() }), ..self }
    }

    /// Comes with a certificate, for servers that ask for one.
    pub fn client(self, certificate: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self {
            certificate: Some(Pem { setting: "tls certificate", bytes: certificate.into() }),
            key: Some(Pem { setting: "tls key", bytes: key.into() }),
            ..self
        }
    }
}

impl Tls {
    /// Reads the files that variables name; `None` where there is no variable.
    pub(crate) fn of_files(
        path: impl Fn(&'static str) -> Result<Option<String>, ConfigError>,
    ) -> Result<Option<Self>, ConfigError> {
        let read = |setting| -> Result<Option<Pem>, ConfigError> {
            let Some(path) = path(setting)? else { return Ok(None) };
            let read = std::fs::read(&path);
            let bytes = read.map_err(|error| ConfigError::new(setting, format!("is `{path}`: {error}")))?;
            Ok(Some(Pem { setting, bytes }))
        };
        let tls = Self {
            authority: read("CACHE_TLS_CA")?,
            certificate: read("CACHE_TLS_CERT")?,
            key: read("CACHE_TLS_KEY")?,
        };
        Ok(tls.first().is_some().then_some(tls))
    }

    fn first(&self) -> Option<&Pem> {
        self.authority.as_ref().or(self.certificate.as_ref()).or(self.key.as_ref())
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let set = |pem: &Option<Pem>| pem.is_some();
        f.debug_struct("Tls")
            .field("authority", &set(&self.authority))
            .field("client", &set(&self.certificate))
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "tls")]
pub(super) use self::rustls::{Certificates, certificates, open};

#[cfg(feature = "tls")]
mod rustls {
    use super::{Client, ConfigError, ConnectionInfo, Pem, RedisResult, Tls};
    use ::redis::{ClientTlsConfig, TlsCertificates};
    use ::rustls::crypto::{CryptoProvider, ring};
    use ::rustls::pki_types::pem::PemObject;
    use ::rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use ::rustls::{ClientConfig, RootCertStore};

    pub(in super::super) type Certificates = TlsCertificates;

    /// What connections use, tried out: later nobody could be told.
    pub(in super::super) fn certificates(
        tls: Option<&Tls>,
        secure: bool,
    ) -> Result<Option<Certificates>, ConfigError> {
        if !secure {
            return match tls.and_then(Tls::first) {
                Some(pem) => Err(ConfigError::new(pem.setting, "is set, and the url is not `rediss://`")),
                None => Ok(None),
            };
        }
        if CryptoProvider::get_default().is_none() {
            // Whoever comes first at the same time has the same right.
            let _ = ring::default_provider().install_default();
        }
        let Some(tls) = tls else { return Ok(None) };
        let mut roots = RootCertStore::empty();
        for certificate in chain(tls.authority.as_ref())? {
            roots.add(certificate).map_err(|error| wrong(tls.authority.as_ref(), &error))?;
        }
        let client_tls = match (&tls.certificate, &tls.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                let parsed = PrivateKeyDer::from_pem_slice(&key.bytes);
                let parsed =
                    parsed.map_err(|_| ConfigError::new(key.setting, "has no private key in PEM"))?;
                let tried = ClientConfig::builder().with_root_certificates(roots);
                let tried = tried.with_client_auth_cert(chain(Some(certificate))?, parsed);
                tried.map_err(|error| wrong(Some(key), &error))?;
                Some(ClientTlsConfig {
                    client_cert: certificate.bytes.clone(),
                    client_key: key.bytes.clone(),
                })
            }
            (Some(lone), None) => return Err(ConfigError::new(lone.setting, "is set without its key")),
            (None, Some(lone)) => {
                return Err(ConfigError::new(lone.setting, "is set without its certificate"));
            }
        };
        let root_cert = tls.authority.as_ref().map(|pem| pem.bytes.clone());
        Ok(Some(TlsCertificates { client_tls, root_cert }))
    }

    pub(in super::super) fn open(
        info: ConnectionInfo,
        certificates: Option<&Certificates>,
    ) -> RedisResult<Client> {
        match certificates {
            Some(certificates) => Client::build_with_tls(info, certificates.clone()),
            None => Client::open(info),
        }
    }

    fn chain(pem: Option<&Pem>) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
        let Some(pem) = pem else { return Ok(Vec::new()) };
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem.bytes).collect();
        match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            _ => Err(ConfigError::new(pem.setting, "has no certificate in PEM")),
        }
    }

    fn wrong(pem: Option<&Pem>, error: &::rustls::Error) -> ConfigError {
        ConfigError::new(pem.map_or("tls", |pem| pem.setting), format!("cannot be used: {error}"))
    }
}

#[cfg(not(feature = "tls"))]
pub(super) type Certificates = std::convert::Infallible;

#[cfg(not(feature = "tls"))]
pub(super) fn certificates(tls: Option<&Tls>, _secure: bool) -> Result<Option<Certificates>, ConfigError> {
    match tls.and_then(Tls::first) {
        Some(pem) => {
            Err(ConfigError::new(pem.setting, "is set, and this program was built without the feature `tls`"))
        }
        None => Ok(None),
    }
}

#[cfg(not(feature = "tls"))]
pub(super) fn open(info: ConnectionInfo, _certificates: Option<&Certificates>) -> RedisResult<Client> {
    Client::open(info)
}
