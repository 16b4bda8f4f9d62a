using System.Collections.Frozen;

namespace Atoll.Services.Tables.Language;

#pragma warning disable CA1720 // several words of CQL are names of types

/// <summary>The words that the grammar knows, spelled as in CQL but for case. Reserved words come first, native types last.</summary>
internal enum Keyword
{
    /// <summary>No word of the grammar: a name.</summary>
    None = 0,

    Add, Allow, Alter, And, Apply, Asc, Authorize, Batch, Begin, By, ColumnFamily, Create, Delete, Desc, Describe, Drop, Entries, Execute,
    From, Full, Grant, If, In, Index, Insert, Into, Is, Keyspace, Limit, Materialized, Modify, NoRecursive, Not, Null, Of, On, Or, Order,
    Primary, Rename, Revoke, Schema, Select, Set, Table, To, Token, Truncate, Unlogged, Update, Use, Using, View, Where, With,

    // From here on unreserved: also names, and up to NoLogin also names of functions and of user types.
    Access, Aggregate, Aggregates, All, As, Called, Cluster, Clustering, ColumnFamilies, Compact, Contains, Custom, Datacenters, Default,
    Exists, Filtering, FinalFunc, Frozen, Function, Functions, Group, Hashed, InitCond, Input, Internals, Keys, Keyspaces, Language, Like,
    List, Login, Map, MBean, MBeans, NoSuperuser, Only, Options, Partition, Password, Per, Permission, Permissions, Replace, Returns, Role,
    Roles, SFunc, Static, Storage, Superuser, SType, Tables, Trigger, Tuple, Type, Types, Unset, User, Users, Values, NoLogin,

    // Names of columns, tables and keyspaces; of functions (Count) and types (Key) only in part.
    Cast, Count, Distinct, Json, Key, Ttl, WriteTime,

    // The native types: names of columns and functions, not of user types.
    Ascii, Bigint, Blob, Boolean, Counter, Date, Decimal, Double, Duration, Float, Inet, Int, Smallint, Text, Time, Timestamp, Timeuuid,
    Tinyint, Uuid, Varchar, Varint,
}

/// <summary>What kinds of keywords there are.</summary>
internal static class Keywords
{
    private static readonly FrozenDictionary<string, Keyword>.AlternateLookup<ReadOnlySpan<char>> ByWord = Enum.GetValues<Keyword>()
        .Where(keyword => keyword != Keyword.None)
        .ToFrozenDictionary(keyword => keyword.ToString(), StringComparer.OrdinalIgnoreCase)
        .GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The keyword of a word, in whatever case; None when it is only a name.</summary>
    public static Keyword Find(ReadOnlySpan<char> word) => ByWord.TryGetValue(word, out var keyword) ? keyword : Keyword.None;

    /// <summary>Whether the word is a name only in quotes.</summary>
    public static bool IsReserved(this Keyword keyword) => keyword is > Keyword.None and <= Keyword.With;

    /// <summary>Whether it names a native type.</summary>
    public static bool IsNativeType(this Keyword keyword) => keyword >= Keyword.Ascii;

    /// <summary>Whether it may name a function.</summary>
    public static bool IsFunctionName(this Keyword keyword) =>
        keyword is Keyword.Token or Keyword.Count or Keyword.None || keyword.IsNativeType() || keyword is > Keyword.With and < Keyword.Cast;

    /// <summary>Whether it may name a user type.</summary>
    public static bool IsTypeName(this Keyword keyword) =>
        keyword is Keyword.Key or Keyword.None or (> Keyword.With and < Keyword.Cast);
}
