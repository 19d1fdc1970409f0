using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Resilience.LocalCluster.Machinery;

/// <summary>
/// The cluster's own certificate authority, kept in the data directory so that a kubeconfig outlives a restart, and a server
/// certificate from it for loopback. kubectl sends no token over plain HTTP, hence TLS even here.
/// </summary>
internal sealed class ClusterPki
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(3650);

    private ClusterPki(X509Certificate2 server, string authorityPem)
    {
        ServerCertificate = server;
        AuthorityPem = authorityPem;
    }

    public X509Certificate2 ServerCertificate { get; }

    public string AuthorityPem { get; }

    /// <param name="now">Of the wall clock: peers verify against theirs.</param>
    public static ClusterPki LoadOrCreate(string directory, DateTimeOffset now)
    {
        _ = Directory.CreateDirectory(directory);
        var certificatePath = Path.Combine(directory, "ca.crt");
        var keyPath = Path.Combine(directory, "ca.key");
        if (!File.Exists(certificatePath) || !File.Exists(keyPath))
        {
            using var made = CreateAuthority(now);
            using var key = made.GetECDsaPrivateKey()!;
            PrivateFile.Write(keyPath, key.ExportPkcs8PrivateKeyPem());
            File.WriteAllText(certificatePath, made.ExportCertificatePem());
        }

        using var authority = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
        return new(CreateServer(authority, now), File.ReadAllText(certificatePath));
    }

    private static X509Certificate2 CreateAuthority(DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=resilience-lab-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        return request.CreateSelfSigned(now.AddDays(-1), now + Lifetime);
    }

    private static X509Certificate2 CreateServer(X509Certificate2 authority, DateTimeOffset now)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=kube-apiserver", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        foreach (var name in (ReadOnlySpan<string>)["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"])
        {
            names.AddDnsName(name);
        }

        names.AddIpAddress(IPAddress.Loopback);
        names.AddIpAddress(IPAddress.IPv6Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1")], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, true, false));
        var end = new DateTimeOffset(authority.NotAfter.ToUniversalTime(), TimeSpan.Zero);
        using var signed = request.Create(authority, now.AddDays(-1), end, RandomNumberGenerator.GetBytes(16));
        using var withKey = signed.CopyWithPrivateKey(key);
        // SslStream on Windows cannot use an ephemeral key; going through PKCS#12 gives it a usable one everywhere.
        return X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null);
    }
}
