using System.Numerics;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>How many values are not null.</summary>
internal sealed class Counting : ICqlAggregation
{
    private long _count;

    /// <inheritdoc />
    public void Add(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context) => _count += arguments[0] is null ? 0 : 1;

    /// <inheritdoc />
    public ReadOnlyMemory<byte>? Result(in FunctionContext context) => CqlBytes.Of(_count);
}

/// <summary>The lowest or the highest value in the type's order.</summary>
/// <param name="type">The type.</param>
/// <param name="sign">-1 for the lowest, 1 for the highest.</param>
internal sealed class Extreme(CqlType type, int sign) : ICqlAggregation
{
    private ReadOnlyMemory<byte>? _best;

    /// <inheritdoc />
    public void Add(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context)
    {
        if (arguments[0] is { } value && (_best is not { } best || Math.Sign(CqlComparer.Compare(type, value, best)) == sign))
        {
            _best = value;
        }
    }

    /// <inheritdoc />
    public ReadOnlyMemory<byte>? Result(in FunctionContext context) => _best;
}

/// <summary>The sum or the average of whole numbers. The average is cut to a whole number.</summary>
/// <param name="type">Their type.</param>
/// <param name="result">The type of the result.</param>
/// <param name="isAverage">Whether the average is wanted.</param>
internal sealed class IntegerSum(CqlType type, CqlType result, bool isAverage) : ICqlAggregation
{
    private BigInteger _sum;
    private long _count;

    /// <inheritdoc />
    public void Add(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context)
    {
        if (arguments[0] is { IsEmpty: false } value)
        {
            _sum += Numbers.ToVarint(type, value.Span);
            _count++;
        }
    }

    /// <inheritdoc />
    public ReadOnlyMemory<byte>? Result(in FunctionContext context)
    {
        var value = CqlBytes.Of(isAverage && _count > 0 ? BigInteger.Divide(_sum, _count) : _sum);
        return Numbers.Convert(CqlTypes.Varint, result, value);
    }
}

/// <summary>
/// The sum or the average of floating-point numbers, with what each addition loses added in the end (Kahan, 1965), so that it hardly
/// depends on their order.
/// </summary>
/// <param name="type">Their type.</param>
/// <param name="isAverage">Whether the average is wanted.</param>
internal sealed class FloatingSum(CqlType type, bool isAverage) : ICqlAggregation
{
    private double _sum;
    private double _lost;
    private double _plain;
    private long _count;

    /// <inheritdoc />
    public void Add(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context)
    {
        if (arguments[0] is not { IsEmpty: false } value)
        {
            return;
        }

        var number = Numbers.ToDouble(type, value.Span);
        _plain += number;
        var mended = number - _lost;
        var sum = _sum + mended;
        _lost = sum - _sum - mended;
        _sum = sum;
        _count++;
    }

    /// <inheritdoc />
    public ReadOnlyMemory<byte>? Result(in FunctionContext context)
    {
        // Beyond infinity, what was lost is no number; the plain sum still says which infinity.
        var sum = double.IsNaN(_sum) && double.IsInfinity(_plain) ? _plain : _sum - _lost;
        sum = double.IsNaN(sum) && double.IsInfinity(_plain) ? _plain : sum;
        return Numbers.Convert(CqlTypes.Double, type, CqlBytes.Of(isAverage && _count > 0 ? sum / _count : sum));
    }
}

/// <summary>The sum or the average of decimals. The average has the scale of the sum; halves go to the even digit.</summary>
/// <param name="isAverage">Whether the average is wanted.</param>
internal sealed class DecimalSum(bool isAverage) : ICqlAggregation
{
    private CqlDecimal _sum;
    private long _count;

    /// <inheritdoc />
    public void Add(IReadOnlyList<ReadOnlyMemory<byte>?> arguments, in FunctionContext context)
    {
        if (arguments[0] is not { IsEmpty: false } value)
        {
            return;
        }

        try
        {
            _sum = DecimalArithmetic.Add(_sum, CqlBytes.ToDecimal(value.Span));
            _count++;
        }
        catch (OverflowException error)
        {
            throw FunctionErrors.Failed(isAverage ? "avg" : "sum", [CqlTypes.Decimal], error.Message);
        }
    }

    /// <inheritdoc />
    public ReadOnlyMemory<byte>? Result(in FunctionContext context) =>
        CqlBytes.Of(isAverage && _count > 0 ? DecimalArithmetic.Average(_sum, _count) : _sum);
}
