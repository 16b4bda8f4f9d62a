using System.Numerics;
using Atoll.Services.Tables.Language.Syntax;
using Atoll.Services.Tables.Types;

namespace Atoll.Services.Tables.Functions;

/// <summary>
/// Arithmetic: + - * / % of numbers (the types of results are those of Cassandra 4), timestamps and dates with durations, and + of texts.
/// </summary>
internal static class Operators
{
    /// <summary>The operator for two types.</summary>
    /// <exception cref="CqlException">There is none, or nothing says which.</exception>
    public static ICqlFunction Find(ArithmeticOperator operation, CqlType? left, CqlType? right, CqlType? expected)
    {
        var sign = SignOf(operation);
        var (first, second) = Complete(operation, left, right, expected) ?? throw CqlException.Invalid(
            $"Ambiguous '{sign}' operation with args {left?.ToString() ?? "?"} and {right?.ToString() ?? "?"}: "
            + $"use type hint to disambiguate, example '(int) ?'");
        return OfNumbers(operation, first, second) ?? TimeArithmetic.TryFind(operation, sign, first, second)
            ?? OfTexts(operation, first, second)
            ?? throw CqlException.Invalid($"the '{sign}' operation is not supported between {first} and {second}");
    }

    /// <summary>The minus before a number.</summary>
    /// <exception cref="CqlException">It is none.</exception>
    public static ICqlFunction FindNegation(CqlType operand)
    {
        if (!Numbers.IsNumeric(operand))
        {
            throw CqlException.Invalid($"the '-' operation is not supported on {operand}");
        }

        var type = operand.Code == CqlTypeCode.Counter ? CqlTypes.Bigint : operand;
        return NativeFunction.OfOne("-", operand, type, value => type.Code switch
        {
            CqlTypeCode.Double => CqlBytes.Of(-CqlBytes.ToDouble(value.Span)),
            CqlTypeCode.Float => CqlBytes.Of(-CqlBytes.ToFloat(value.Span)),
            CqlTypeCode.Varint => CqlBytes.Of(-CqlBytes.ToVarint(value.Span)),
            CqlTypeCode.Decimal => CqlBytes.Of(Negate(CqlBytes.ToDecimal(value.Span))),
            _ => Numbers.OfLong(type, unchecked(-Numbers.ToLong(operand, value.Span))),
        });
    }

    /// <summary>The type of the result of arithmetic with two numbers.</summary>
    public static CqlType ResultOf(CqlType left, CqlType right)
    {
        if (left.Code == CqlTypeCode.Decimal || right.Code == CqlTypeCode.Decimal)
        {
            return CqlTypes.Decimal;
        }

        if (left.Code == CqlTypeCode.Varint || right.Code == CqlTypeCode.Varint)
        {
            return Numbers.IsFloating(left) || Numbers.IsFloating(right) ? CqlTypes.Decimal : CqlTypes.Varint;
        }

        if (Numbers.IsFloating(left) || Numbers.IsFloating(right))
        {
            // A float cannot tell apart what eight bytes can.
            return Bytes(left) == 8 || Bytes(right) == 8 ? CqlTypes.Double : CqlTypes.Float;
        }

        return Math.Max(Bytes(left), Bytes(right)) switch
        {
            1 => CqlTypes.Tinyint,
            2 => CqlTypes.Smallint,
            4 => CqlTypes.Int,
            _ => CqlTypes.Bigint,
        };
    }

    private static int Bytes(CqlType type) => type.Code switch
    {
        CqlTypeCode.Tinyint => 1,
        CqlTypeCode.Smallint => 2,
        CqlTypeCode.Int or CqlTypeCode.Float => 4,
        _ => 8,
    };

    private static char SignOf(ArithmeticOperator operation) => operation switch
    {
        ArithmeticOperator.Add => '+',
        ArithmeticOperator.Subtract => '-',
        ArithmeticOperator.Multiply => '*',
        ArithmeticOperator.Divide => '/',
        _ => '%',
    };

    /// <summary>Types for operands that have none of their own (literals and markers): that of the other, or what is wanted.</summary>
    private static (CqlType Left, CqlType Right)? Complete(
        ArithmeticOperator operation, CqlType? left, CqlType? right, CqlType? expected)
    {
        if (left is not null && right is not null)
        {
            return (left, right);
        }

        var isMoment = (left ?? expected)?.Code is CqlTypeCode.Timestamp or CqlTypeCode.Date;
        if (right is null && isMoment && operation is ArithmeticOperator.Add or ArithmeticOperator.Subtract)
        {
            return ((left ?? expected)!, CqlTypes.Duration);
        }

        if (left is null && right?.Code == CqlTypeCode.Duration)
        {
            return isMoment ? (expected!, right) : null;
        }

        if ((left ?? right) is not { } known)
        {
            return expected is null ? null : (expected, expected);
        }

        // "int + ?" where a double is wanted takes a double.
        var isWider = expected is not null && Numbers.IsNumeric(expected) && Numbers.IsNumeric(known)
            && ResultOf(known, expected).Equals(expected);
        var other = isWider ? expected! : known;
        return left is null ? (other, known) : (known, other);
    }

    private static NativeFunction? OfNumbers(ArithmeticOperator operation, CqlType left, CqlType right)
    {
        if (!Numbers.IsNumeric(left) || !Numbers.IsNumeric(right))
        {
            return null;
        }

        var sign = SignOf(operation).ToString();
        var result = ResultOf(left, right);
        return NativeFunction.OfTwo(sign, left, right, result, (first, second) =>
        {
            try
            {
                return result.Code switch
                {
                    CqlTypeCode.Decimal => CqlBytes.Of(Compute(
                        operation, Numbers.ToDecimal(left, first.Span), Numbers.ToDecimal(right, second.Span))),
                    CqlTypeCode.Varint => CqlBytes.Of(Compute(
                        operation, Numbers.ToVarint(left, first.Span), Numbers.ToVarint(right, second.Span))),
                    CqlTypeCode.Double => CqlBytes.Of(Compute(
                        operation, Numbers.ToDouble(left, first.Span), Numbers.ToDouble(right, second.Span))),
                    CqlTypeCode.Float => CqlBytes.Of(Compute(
                        operation, (float)Numbers.ToDouble(left, first.Span), (float)Numbers.ToDouble(right, second.Span))),
                    _ => Numbers.OfLong(result, Compute(
                        operation, Numbers.ToLong(left, first.Span), Numbers.ToLong(right, second.Span))),
                };
            }
            catch (ArithmeticException error)
            {
                throw FunctionErrors.Failed(sign, [left, right], error is DivideByZeroException ? "/ by zero" : error.Message);
            }
        });
    }

    private static long Compute(ArithmeticOperator operation, long left, long right) => operation switch
    {
        ArithmeticOperator.Add => unchecked(left + right),
        ArithmeticOperator.Subtract => unchecked(left - right),
        ArithmeticOperator.Multiply => unchecked(left * right),

        // The processor refuses to divide the smallest number by -1; the others' upper bits are cut, so this one's are.
        ArithmeticOperator.Divide => right == -1 ? unchecked(-left) : left / right,
        _ => right == -1 ? 0 : left % right,
    };

    private static double Compute(ArithmeticOperator operation, double left, double right) => operation switch
    {
        ArithmeticOperator.Add => left + right,
        ArithmeticOperator.Subtract => left - right,
        ArithmeticOperator.Multiply => left * right,
        ArithmeticOperator.Divide => left / right,
        _ => left % right,
    };

    private static float Compute(ArithmeticOperator operation, float left, float right) => operation switch
    {
        ArithmeticOperator.Add => left + right,
        ArithmeticOperator.Subtract => left - right,
        ArithmeticOperator.Multiply => left * right,
        ArithmeticOperator.Divide => left / right,
        _ => left % right,
    };

    private static BigInteger Compute(ArithmeticOperator operation, BigInteger left, BigInteger right) => operation switch
    {
        ArithmeticOperator.Add => DecimalArithmetic.Bounded(left + right),
        ArithmeticOperator.Subtract => DecimalArithmetic.Bounded(left - right),
        ArithmeticOperator.Multiply => DecimalArithmetic.Multiply(left, right),
        ArithmeticOperator.Divide => DecimalArithmetic.Divide(left, right),
        _ => DecimalArithmetic.Remainder(left, right),
    };

    private static CqlDecimal Compute(ArithmeticOperator operation, CqlDecimal left, CqlDecimal right) => operation switch
    {
        ArithmeticOperator.Add => DecimalArithmetic.Add(left, right),
        ArithmeticOperator.Subtract => DecimalArithmetic.Add(left, Negate(right)),
        ArithmeticOperator.Multiply => DecimalArithmetic.Multiply(left, right),
        ArithmeticOperator.Divide => DecimalArithmetic.Divide(left, right),
        _ => DecimalArithmetic.Remainder(left, right),
    };

    private static CqlDecimal Negate(CqlDecimal value) => value with { Unscaled = -value.Unscaled };

    private static NativeFunction? OfTexts(ArithmeticOperator operation, CqlType left, CqlType right)
    {
        if (operation != ArithmeticOperator.Add || !IsText(left) || !IsText(right))
        {
            return null;
        }

        var result = left.Code == CqlTypeCode.Ascii ? right : left;
        return NativeFunction.OfTwo("+", left, right, result, static (first, second) => (byte[])[.. first.Span, .. second.Span]);
    }

    private static bool IsText(CqlType type) => type.Code is CqlTypeCode.Ascii or CqlTypeCode.Varchar;
}
