using System.Security.Cryptography;
using System.Text;
using Atoll.Gateways.Security.Scram;
using Atoll.Services.Tables.Roles;
using Xunit;

namespace Atoll.Gateways.Tests.Security;

/// <summary>SCRAM as RFC 5802 and RFC 7677 say it.</summary>
public sealed class ScramTests
{
    private const string First = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    private const string ServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    private const string Final =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    // RFC 7677, section 3.
    [Fact]
    public void The_example_of_the_RFC_is_served_to_the_byte()
    {
        var challenge = Challenge(First, "pencil");
        Assert.Equal($"r=rOprNGfwEbeRWgbNEkqO{ServerNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", challenge.Message);
        Assert.Equal("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", challenge.Accept(Encoding.UTF8.GetBytes(Final)));
    }

    // There is no RFC of SCRAM-SHA-512 with an example: the other side of the exchange is worked out here.
    [Theory]
    [InlineData(ScramMechanism.Sha256)]
    [InlineData(ScramMechanism.Sha512)]
    public void Both_sides_show_that_they_know_the_password(ScramMechanism mechanism)
    {
        var hash = mechanism == ScramMechanism.Sha256 ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA512;
        var verifier = ScramVerifier.Of(mechanism, "p\u00e4ss, w=rd", RandomNumberGenerator.GetBytes(16), 5_000);
        foreach (var (password, isRight) in new[] { ("p\u00e4ss, w=rd", true), ("pass, w=rd", false), ("", false) })
        {
            var client = new ScramClient(hash, "=2Cada=3D", password);
            var challenge = new ScramChallenge(Read(client.First)!, verifier, "more");
            Assert.Equal(",ada=", challenge.UserName);
            var proof = challenge.Accept(Encoding.UTF8.GetBytes(client.Answer(challenge.Message)));
            Assert.Equal(isRight, proof is not null && client.Trusts(proof));
        }
    }

    [Theory]
    [InlineData("pencil", true)]
    [InlineData("pencils", false)]
    public void A_client_that_says_its_nonce_twice_needs_the_password_all_the_same(string password, bool isRight)
    {
        var client = new ScramClient(HashAlgorithmName.SHA256, "user", password) { RepeatsNonce = true };
        var challenge = Challenge(client.First, "pencil");
        var proof = challenge.Accept(Encoding.UTF8.GetBytes(client.Answer(challenge.Message)));
        Assert.Equal(isRight, proof is not null && client.Trusts(proof));
    }

    [Fact]
    public void Another_password_is_refused() => Assert.Null(Challenge(First, "pencils").Accept(Encoding.UTF8.GetBytes(Final)));

    [Theory]
    [InlineData("biws", "eSws")] // what the client said of channels is another thing
    [InlineData("$k0,", "$k1,")] // another exchange's nonce
    [InlineData(",p=dHz", ",p=eHz")]
    [InlineData("dVQ=", "")]
    [InlineData("dVQ=", "!!!!")]
    [InlineData(",p=", ",q=")]
    [InlineData("c=biws,", "")]
    [InlineData(Final, "")]
    [InlineData(Final, ",p=")]
    [InlineData(Final, "c=biws,p=")]
    public void A_proof_that_was_changed_is_refused(string part, string changed) =>
        Assert.Null(Challenge(First, "pencil").Accept(Encoding.UTF8.GetBytes(Final.Replace(part, changed, StringComparison.Ordinal))));

    [Fact]
    public void What_is_no_text_or_has_no_end_is_refused()
    {
        var first = Encoding.UTF8.GetBytes(First);
        byte[][] messages = [[0xFF, 0xFE], [.. first, 0xC3], [.. first, .. new byte[5_000]]];
        Assert.All(messages, message => Assert.Null(ScramOpening.Read(message, out _)));
        Assert.All(messages, message => Assert.Null(Challenge(First, "pencil").Accept(message)));
    }

    [Theory]
    [InlineData("n,,n=user,r=abc", "user")]
    [InlineData("y,,n=a=2Cb=3D2C,r=abc,x=extension", "a,b=2C")]
    [InlineData("n,a=user,n=user,r=abc", "user")]
    [InlineData("n,,n=user,r=abc,tokenauth=false", "user")]
    public void What_a_client_says_first_is_read(string message, string name)
    {
        var opening = Read(message);
        Assert.Equal((name, "abc", message), (opening!.UserName, opening.Nonce, opening.Head + opening.Bare));
    }

    [Theory]
    [InlineData("n,a=other,n=user,r=abc", "nobody can act for another role")]
    [InlineData("p=tls-unique,,n=user,r=abc", "a channel cannot be bound: there are no mechanisms that end with -PLUS")]
    [InlineData("n,,m=must,n=user,r=abc", "there are no mandatory extensions of SCRAM")]
    [InlineData("n,,n=user,r=abc,tokenauth=true", "there are no delegation tokens")]
    [InlineData("n,,n=us=er,r=abc")]
    [InlineData("n,,n=us=2cer,r=abc")]
    [InlineData("n,,n=us\0er,r=abc")]
    [InlineData("n,,n=,r=abc")]
    [InlineData("n,,n=user,r=")]
    [InlineData("n,,n=user,r=a c")]
    [InlineData("n,,n=user,x=abc")]
    [InlineData("n,,n=user")]
    [InlineData("x,,n=user,r=abc")]
    [InlineData("n,")]
    [InlineData("")]
    public void What_cannot_be_served_is_refused_with_a_reason(string message, string? whyNot = null)
    {
        Assert.Null(ScramOpening.Read(Encoding.UTF8.GetBytes(message), out var said));
        Assert.Equal(whyNot ?? "this is no first message of SCRAM (RFC 5802)", said);
    }

    private static ScramOpening? Read(string message) => ScramOpening.Read(Encoding.UTF8.GetBytes(message), out _);

    private static ScramChallenge Challenge(string first, string password) => new(
        Read(first)!,
        ScramVerifier.Of(ScramMechanism.Sha256, password, Convert.FromBase64String("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096),
        ServerNonce);
}
