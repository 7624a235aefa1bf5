# The trigger "url": a function URL. It accepts only requests that AWS credentials sign, and nobody has a permission for it yet. The
# module modules/cdn gives it to one CloudFront distribution.

resource "aws_lambda_function_url" "this" {
  count = local.serves ? 1 : 0

  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.this.name
  authorization_type = "AWS_IAM"
  invoke_mode        = "BUFFERED"
}
